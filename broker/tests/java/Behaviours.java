import java.util.Map;
import java.util.TreeMap;

/**
 * Runs the named behaviours against the broker at an address and prints the name of each that
 * holds. The first that does not ends the program, with the reason on the error output.
 */
public final class Behaviours {
    /** One behaviour; it throws where the broker behaves otherwise. */
    interface Behaviour {
        void hold(Site site) throws Exception;
    }

    static final Map<String, Behaviour> KNOWN = new TreeMap<>();

    static {
        Records.tell(KNOWN);
        Transactions.tell(KNOWN);
        Groups.tell(KNOWN);
        Topics.tell(KNOWN);
        Views.tell(KNOWN);
    }

    private Behaviours() {}

    public static void main(String[] arguments) throws Exception {
        for (int index = 2; index < arguments.length; index++) {
            String name = arguments[index];
            Behaviour behaviour = KNOWN.get(name);
            if (behaviour == null) {
                throw new IllegalArgumentException("no behaviour is called " + name);
            }
            try (Site site = new Site(arguments[0], arguments[1] + name + ".")) {
                behaviour.hold(site);
            } catch (Throwable fault) {
                throw new AssertionError("not so: " + name, fault);
            }
            System.out.println(name);
        }
    }
}

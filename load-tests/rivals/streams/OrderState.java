import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * What is kept of one order, as few bytes as it takes: the last payment-intent event in short, and 64
 * bits of the id of each event seen. Five events make about 70 bytes.
 */
final class OrderState {
    enum Status {
        PENDING("pending"),
        PROCESSING("processing"),
        PAID("paid"),
        PAYMENT_FAILED("payment_failed"),
        CANCELED("canceled");

        final String word;

        Status(String word) {
            this.word = word;
        }
    }

    private static final VarHandle INTS =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final Status[] STATUSES = Status.values();
    private static final byte[] NEW = new byte[0];
    /** Status, rank, created, received, version; then the ids, of eight bytes each. */
    private static final int HEADER = 1 + 1 + 8 + 8 + 4;

    private final byte[] stored;
    private Status status = Status.PENDING;
    private int rank;
    private long created = Long.MIN_VALUE;
    private long received;
    private int version;

    private OrderState(byte[] stored) {
        this.stored = stored;
    }

    /** Of the store's bytes; `null` for an order that it does not know. */
    static OrderState of(byte[] stored) {
        if (stored == null) {
            return new OrderState(NEW);
        }
        OrderState state = new OrderState(stored);
        state.status = STATUSES[stored[0]];
        state.rank = stored[1];
        state.created = (long) LONGS.get(stored, 2);
        state.received = (long) LONGS.get(stored, 10);
        state.version = (int) INTS.get(stored, 18);
        return state;
    }

    Status status() {
        return status;
    }

    long received() {
        return received;
    }

    /** How many different events were seen. */
    int version() {
        return version;
    }

    boolean knows(long id) {
        for (int at = HEADER; at < stored.length; at += Long.BYTES) {
            if ((long) LONGS.get(stored, at) == id) {
                return true;
            }
        }
        return false;
    }

    /** The latest payment-intent event decides, among those of one second the later step. */
    void take(StripeEvent event) {
        version++;
        int rank = rank(event.type());
        if (rank == 0
                || event.created() < created
                || (event.created() == created && rank < this.rank)) {
            return;
        }
        status = status(rank);
        this.rank = rank;
        created = event.created();
        received = event.received();
    }

    /** For the store, with one more id. */
    byte[] with(long id) {
        int length = Math.max(stored.length, HEADER);
        byte[] bytes = Arrays.copyOf(stored, length + Long.BYTES);
        bytes[0] = (byte) status.ordinal();
        bytes[1] = (byte) rank;
        LONGS.set(bytes, 2, created);
        LONGS.set(bytes, 10, received);
        INTS.set(bytes, 18, version);
        LONGS.set(bytes, length, id);
        return bytes;
    }

    /** 64 bits of an id: two of one order's few events will not meet in them. */
    static long shortened(String id) {
        long hash = 0xcbf29ce484222325L;
        for (int at = 0; at < id.length(); at++) {
            hash = (hash ^ id.charAt(at)) * 0x100000001b3L;
        }
        hash ^= hash >>> 32;
        hash *= 0xd6e8feb86659fd93L;
        return hash ^ (hash >>> 32);
    }

    /** 0 for what decides nothing. */
    private static int rank(String type) {
        return switch (type) {
            case "payment_intent.created" -> 1;
            case "payment_intent.requires_action" -> 2;
            case "payment_intent.processing", "payment_intent.partially_funded" -> 3;
            case "payment_intent.amount_capturable_updated" -> 4;
            case "payment_intent.payment_failed" -> 5;
            case "payment_intent.canceled" -> 6;
            case "payment_intent.succeeded" -> 7;
            default -> 0;
        };
    }

    private static Status status(int rank) {
        return switch (rank) {
            case 1, 2 -> Status.PENDING;
            case 3, 4 -> Status.PROCESSING;
            case 5 -> Status.PAYMENT_FAILED;
            case 6 -> Status.CANCELED;
            default -> Status.PAID;
        };
    }
}

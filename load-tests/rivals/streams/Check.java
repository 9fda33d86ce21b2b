import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The fold by itself, without a broker: what is wrong ends it with exit code 1. */
final class Check {
    private static final String PRETTY =
            """
            {
              "api_version": "x", "created": %d,
              "data": {"object": {"id": "pi_1", "amount": 5, "amount_received": %d,
                "charges": {"data": [{"amount_received": 9, "currency": "usd"}]},
                "currency": "eur", "description": "{\\"id\\":\\"evt_no\\",\\u0022 }"},
                "previous_attributes": {"currency": "chf"}},
              "id": "%s", "livemode": false, "request": {"id": "req_1"}, "type": "%s"
            }
            """;

    private byte[] stored;
    private String told = "";
    private static int checks;

    public static void main(String[] arguments) throws IOException {
        parts();
        order();
        many();
        System.out.println(checks + " checks hold");
    }

    private static void parts() throws IOException {
        StripeEvent event = event("evt_1", "payment_intent.succeeded", 7, 5);
        same(event, new StripeEvent("evt_1", "payment_intent.succeeded", 7, 5, "eur"));
        String shuffled = "{\"type\":\"a\",\"data\":{\"object\":{\"currency\":null}},\"id\":\"b\"}";
        same(StripeEvent.parse(bytes(shuffled)), new StripeEvent("b", "a", 0, 0, ""));
        for (String body : new String[] {"", "[]", "{", "{\"id\":\"evt_1\"}", "no"}) {
            try {
                StripeEvent.parse(bytes(body));
                throw new AssertionError("`" + body + "` was taken for an event");
            } catch (IOException refused) {
                checks++;
            }
        }
    }

    private static void order() throws IOException {
        Check order = new Check();
        order.take("evt_1", "payment_intent.created", 10, 0);
        same(order.told, "");
        order.take("evt_2", "charge.succeeded", 30, 0);
        same(order.told, "");
        order.take("evt_3", "payment_intent.succeeded", 20, 42);
        same(
                order.told,
                "{\"version\":3,\"from\":\"pending\",\"to\":\"paid\",\"amount_received\":42,"
                        + "\"currency\":\"eur\",\"event_id\":\"evt_3\",\"occurred_at\":20}");
        byte[] before = order.stored;
        order.take("evt_3", "payment_intent.succeeded", 20, 42);
        same(order.told, "");
        same(order.stored == before, true);
        // Late, then of the same second but an earlier step, then later.
        order.take("evt_4", "payment_intent.payment_failed", 19, 0);
        same(order.told, "");
        order.take("evt_5", "payment_intent.processing", 20, 0);
        same(order.told, "");
        order.take("evt_6", "payment_intent.canceled", 21, 0);
        same(order.told.contains("\"from\":\"paid\",\"to\":\"canceled\",\"amount_received\":0"), true);
    }

    private static void many() throws IOException {
        Check order = new Check();
        for (int round = 0; round < 2; round++) {
            for (int event = 0; event < 500; event++) {
                order.take("evt_" + event, "payment_intent.created", 1, 0);
            }
        }
        same(OrderState.of(order.stored).version(), 500);
        same(order.stored.length, 22 + 500 * 8);
    }

    /** As the processor does it. */
    private void take(String id, String type, long created, long received) throws IOException {
        StripeEvent event = event(id, type, created, received);
        OrderState state = OrderState.of(stored);
        long shortened = OrderState.shortened(id);
        told = "";
        if (state.knows(shortened)) {
            return;
        }
        OrderState.Status before = state.status();
        state.take(event);
        stored = state.with(shortened);
        if (state.status() != before) {
            told = new String(OrderFold.change(before, state, event), StandardCharsets.UTF_8);
        }
    }

    private static StripeEvent event(String id, String type, long created, long received)
            throws IOException {
        return StripeEvent.parse(bytes(PRETTY.formatted(created, received, id, type)));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void same(Object found, Object expected) {
        if (!found.equals(expected)) {
            throw new AssertionError("found " + found + ", expected " + expected);
        }
        checks++;
    }
}

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Takes each event of an order once, and says each change of the order's status. */
final class OrderFold implements Processor<byte[], byte[], byte[], byte[]> {
    static final String STORE = "orders";

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> orders;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        orders = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        StripeEvent event;
        try {
            event = StripeEvent.parse(record.value());
        } catch (IOException cause) {
            throw new StreamsException("a body that is no event", cause);
        }
        OrderState state = OrderState.of(orders.get(record.key()));
        long id = OrderState.shortened(event.id());
        if (state.knows(id)) {
            return;
        }
        OrderState.Status before = state.status();
        state.take(event);
        orders.put(record.key(), state.with(id));
        if (state.status() != before) {
            context.forward(record.withValue(change(before, state, event)));
        }
    }

    /** About 150 bytes; Stripe's ids and currencies need no escapes. */
    static byte[] change(OrderState.Status before, OrderState state, StripeEvent event) {
        StringBuilder text = new StringBuilder(192);
        text.append("{\"version\":").append(state.version());
        text.append(",\"from\":\"").append(before.word);
        text.append("\",\"to\":\"").append(state.status().word);
        text.append("\",\"amount_received\":").append(state.received());
        text.append(",\"currency\":\"").append(event.currency());
        text.append("\",\"event_id\":\"").append(event.id());
        text.append("\",\"occurred_at\":").append(event.created()).append('}');
        return text.toString().getBytes(StandardCharsets.ISO_8859_1);
    }
}

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/**
 * What the job reads of a webhook's body: by the streaming parser, building no tree, with every part
 * it does not need skipped unread. Keys come in any order, so the object is read before the type is
 * known.
 */
record StripeEvent(String id, String type, long created, long received, String currency) {
    private static final JsonFactory JSON = new JsonFactory();

    static StripeEvent parse(byte[] body) throws IOException {
        Reading reading = new Reading();
        try (JsonParser parser = JSON.createParser(body)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("a body is no JSON object");
            }
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                reading.ofEvent(name, parser);
            }
        }
        if (reading.id == null || reading.type == null) {
            throw new IOException("a body has no `id` or no `type`");
        }
        return new StripeEvent(
                reading.id, reading.type, reading.created, reading.received, reading.currency);
    }

    private static final class Reading {
        private String id;
        private String type;
        private long created;
        private long received;
        private String currency = "";

        void ofEvent(String name, JsonParser parser) throws IOException {
            JsonToken value = parser.nextToken();
            switch (name) {
                case "id" -> id = parser.getText();
                case "type" -> type = parser.getText();
                case "created" -> created = parser.getLongValue();
                case "data" -> {
                    if (value == JsonToken.START_OBJECT) {
                        data(parser);
                    } else {
                        parser.skipChildren();
                    }
                }
                default -> parser.skipChildren();
            }
        }

        private void data(JsonParser parser) throws IOException {
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                JsonToken value = parser.nextToken();
                if (name.equals("object") && value == JsonToken.START_OBJECT) {
                    object(parser);
                } else {
                    parser.skipChildren();
                }
            }
        }

        private void object(JsonParser parser) throws IOException {
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                JsonToken value = parser.nextToken();
                if (name.equals("amount_received") && value == JsonToken.VALUE_NUMBER_INT) {
                    received = parser.getLongValue();
                } else if (name.equals("currency") && value == JsonToken.VALUE_STRING) {
                    currency = parser.getText();
                } else {
                    parser.skipChildren();
                }
            }
        }
    }
}

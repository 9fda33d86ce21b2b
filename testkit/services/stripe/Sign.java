import com.stripe.net.Webhook;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Prints the Stripe-Signature header that Stripe's own SDK makes, and accepts, for a body. */
public final class Sign {
  /** What the SDK is told to tolerate: the age of the timestamp is the caller's business. */
  private static final long ANY_AGE = 0;

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 3) {
      System.err.println("usage: Sign SECRET TIMESTAMP FILE");
      System.exit(2);
    }
    String secret = arguments[0];
    String timestamp = arguments[1];
    String body = Files.readString(Path.of(arguments[2]), StandardCharsets.UTF_8);
    String signature = Webhook.Util.computeHmacSha256(secret, timestamp + "." + body);
    String header = "t=" + timestamp + "," + Webhook.Signature.EXPECTED_SCHEME + "=" + signature;
    if (!Webhook.Signature.verifyHeader(body, header, secret, ANY_AGE)) {
      System.err.println("the SDK refuses its own signature");
      System.exit(1);
    }
    System.out.println(header);
  }
}

// Prints the ARN that STS knows the caller by, through the AWS SDK for Java's default chain of credentials.

import software.amazon.awssdk.services.sts.StsClient;

class Client {
    public static void main(String[] arguments) {
        try (StsClient sts = StsClient.create()) {
            System.out.println(sts.getCallerIdentity().arn());
        }
    }
}

//! AWS services that this emulator does not have, by the signing name in a signature's scope, and the
//! error for a client that calls one.

use crate::message::Request;

/// A service, as botocore's models describe it.
struct Service {
    /// The name that its requests are signed for.
    signing_name: &'static str,
    service_id: &'static str,
    discriminator: Discriminator,
}

/// What tells the requests of a service from those of another one with the same signing name.
enum Discriminator {
    /// What `X-Amz-Target` has before the operation's name.
    TargetPrefix(&'static str),
    /// `Version` of the Query API.
    ApiVersion(&'static str),
    /// The beginning of the path.
    PathPrefix(&'static str),
    /// Nothing that is known here.
    Unspecified,
}

use Discriminator::{ApiVersion, PathPrefix, TargetPrefix, Unspecified};

const fn service(
    signing_name: &'static str,
    service_id: &'static str,
    discriminator: Discriminator,
) -> Service {
    Service { signing_name, service_id, discriminator }
}

/// The services that are used most, from botocore 1.43. Of those with one signing name, the first
/// is meant by a request that no discriminator matches.
const SERVICES: &[Service] = &[
    service("acm", "ACM", TargetPrefix("CertificateManager")),
    service("acm-pca", "ACM PCA", TargetPrefix("ACMPrivateCA")),
    service("apigateway", "API Gateway", Unspecified),
    service("apigateway", "ApiGatewayV2", PathPrefix("/v2/")),
    service("appconfig", "AppConfig", Unspecified),
    service("appconfig", "AppConfigData", PathPrefix("/configuration")),
    service(
        "application-autoscaling",
        "Application Auto Scaling",
        TargetPrefix("AnyScaleFrontendService"),
    ),
    service("appsync", "AppSync", Unspecified),
    service("athena", "Athena", TargetPrefix("AmazonAthena")),
    service("autoscaling", "Auto Scaling", ApiVersion("2011-01-01")),
    service("backup", "Backup", Unspecified),
    service("batch", "Batch", Unspecified),
    service("bedrock", "Bedrock", Unspecified),
    service("bedrock", "Bedrock Runtime", PathPrefix("/model/")),
    service("ce", "Cost Explorer", TargetPrefix("AWSInsightsIndexService")),
    service("cloudformation", "CloudFormation", ApiVersion("2010-05-15")),
    service("cloudfront", "CloudFront", Unspecified),
    service(
        "cloudtrail",
        "CloudTrail",
        TargetPrefix("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
    ),
    service("codeartifact", "codeartifact", Unspecified),
    service("codebuild", "CodeBuild", TargetPrefix("CodeBuild_20161006")),
    service("codecommit", "CodeCommit", TargetPrefix("CodeCommit_20150413")),
    service("codepipeline", "CodePipeline", TargetPrefix("CodePipeline_20150709")),
    service("cognito-identity", "Cognito Identity", TargetPrefix("AWSCognitoIdentityService")),
    service(
        "cognito-idp",
        "Cognito Identity Provider",
        TargetPrefix("AWSCognitoIdentityProviderService"),
    ),
    service("config", "Config Service", TargetPrefix("StarlingDoveService")),
    service("dms", "Database Migration Service", TargetPrefix("AmazonDMSv20160101")),
    service("dynamodb", "DynamoDB", TargetPrefix("DynamoDB_20120810")),
    service("dynamodb", "DynamoDB Streams", TargetPrefix("DynamoDBStreams_20120810")),
    service("ec2", "EC2", ApiVersion("2016-11-15")),
    service("ecr", "ECR", TargetPrefix("AmazonEC2ContainerRegistry_V20150921")),
    service("ecr-public", "ECR PUBLIC", TargetPrefix("SpencerFrontendService")),
    service("ecs", "ECS", TargetPrefix("AmazonEC2ContainerServiceV20141113")),
    service("eks", "EKS", Unspecified),
    service("elasticache", "ElastiCache", ApiVersion("2015-02-02")),
    service("elasticfilesystem", "EFS", Unspecified),
    service("elasticloadbalancing", "Elastic Load Balancing", ApiVersion("2012-06-01")),
    service("elasticloadbalancing", "Elastic Load Balancing v2", ApiVersion("2015-12-01")),
    service("elasticmapreduce", "EMR", TargetPrefix("ElasticMapReduce")),
    service("es", "OpenSearch", Unspecified),
    service("events", "EventBridge", TargetPrefix("AWSEvents")),
    service("firehose", "Firehose", TargetPrefix("Firehose_20150804")),
    service("glue", "Glue", TargetPrefix("AWSGlue")),
    service("guardduty", "GuardDuty", Unspecified),
    service("identitystore", "identitystore", TargetPrefix("AWSIdentityStore")),
    service("iot", "IoT", Unspecified),
    service("iotdata", "IoT Data Plane", Unspecified),
    service("kafka", "Kafka", Unspecified),
    service("kinesis", "Kinesis", TargetPrefix("Kinesis_20131202")),
    service("kms", "KMS", TargetPrefix("TrentService")),
    service("lambda", "Lambda", Unspecified),
    service("logs", "CloudWatch Logs", TargetPrefix("Logs_20140328")),
    service("monitoring", "CloudWatch", TargetPrefix("GraniteServiceVersion20100801")),
    service("mq", "mq", Unspecified),
    service("organizations", "Organizations", TargetPrefix("AWSOrganizationsV20161128")),
    service("pipes", "Pipes", Unspecified),
    service("rds", "RDS", ApiVersion("2014-10-31")),
    service("rds-data", "RDS Data", Unspecified),
    service("redshift", "Redshift", ApiVersion("2012-12-01")),
    service("redshift-data", "Redshift Data", TargetPrefix("RedshiftData")),
    service("route53", "Route 53", Unspecified),
    service("s3", "S3", Unspecified),
    service("s3", "S3 Control", PathPrefix("/v20180820/")),
    service("sagemaker", "SageMaker", TargetPrefix("SageMaker")),
    service("sagemaker", "SageMaker Runtime", PathPrefix("/endpoints/")),
    service("scheduler", "Scheduler", Unspecified),
    service("servicediscovery", "ServiceDiscovery", TargetPrefix("Route53AutoNaming_v20170314")),
    service("ses", "SES", ApiVersion("2010-12-01")),
    service("ses", "SESv2", PathPrefix("/v2/email/")),
    service("sns", "SNS", ApiVersion("2010-03-31")),
    service("sqs", "SQS", TargetPrefix("AmazonSQS")),
    service("sso", "SSO Admin", TargetPrefix("SWBExternalService")),
    service("sso-oauth", "SSO OIDC", Unspecified),
    service("states", "SFN", TargetPrefix("AWSStepFunctions")),
    service("support", "Support", TargetPrefix("AWSSupport_20130415")),
    service(
        "tagging",
        "Resource Groups Tagging API",
        TargetPrefix("ResourceGroupsTaggingAPI_20170126"),
    ),
    service("transfer", "Transfer", TargetPrefix("TransferService")),
    service("wafv2", "WAFV2", TargetPrefix("AWSWAF_20190729")),
    service("xray", "XRay", Unspecified),
];

/// Returns the error message for a request to a service that this emulator does not have, or whose
/// service is not known.
pub(super) fn absence(request: &Request, scope: Option<&str>, operation: &str) -> String {
    match (find(scope, request), scope) {
        (Some(id), _) => {
            let variable = endpoint_variable(id);
            format!("this emulator has no {id}; set {variable} to an endpoint that has it")
        }
        (None, Some(scope)) => format!(
            "this emulator has no service `{scope}`; set the AWS_ENDPOINT_URL_… variable of that \
             service to an endpoint that has it"
        ),
        (None, None) => format!("this emulator has no `{operation}`"),
    }
}

/// Returns the id of the service that a request is for.
fn find(scope: Option<&str>, request: &Request) -> Option<&'static str> {
    let is_of_scope = |service: &&Service| scope.is_none_or(|scope| service.signing_name == scope);
    let mut services = SERVICES.iter().filter(is_of_scope);
    let first = scope.and_then(|_| services.clone().next());
    let properties = RequestProperties::of(request);
    let found = services.find(|service| service.discriminator.matches(&properties));
    found.or(first).map(|service| service.service_id)
}

/// Returns the variable that AWS's SDKs read for the endpoint of a service.
fn endpoint_variable(id: &str) -> String {
    format!("AWS_ENDPOINT_URL_{}", id.replace([' ', '-'], "_").to_ascii_uppercase())
}

/// The parts of a request that discriminators are compared with.
struct RequestProperties<'a> {
    target_prefix: Option<&'a str>,
    api_version: Option<String>,
    path: &'a str,
}

impl<'a> RequestProperties<'a> {
    fn of(request: &'a Request) -> Self {
        let target = request.header("x-amz-target").and_then(|target| target.rsplit_once('.'));
        Self {
            target_prefix: target.map(|(prefix, _)| prefix),
            api_version: request.form_parameters("Version").pop(),
            path: &request.path,
        }
    }
}

impl Discriminator {
    fn matches(&self, request: &RequestProperties<'_>) -> bool {
        match self {
            TargetPrefix(prefix) => request.target_prefix == Some(prefix),
            ApiVersion(version) => request.api_version.as_deref() == Some(version),
            PathPrefix(prefix) => request.path.starts_with(prefix),
            Unspecified => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(scope: Option<&str>, path: &str, query: &str, target: &str) -> String {
        let target = (!target.is_empty()).then(|| ("x-amz-target".to_owned(), target.to_owned()));
        let request = Request {
            path: path.to_owned(),
            query: query.to_owned(),
            headers: target.into_iter().collect(),
            ..Request::default()
        };
        absence(&request, scope, "X")
    }

    #[test]
    fn each_service_is_named_with_the_variable_of_its_endpoint() {
        for (scope, path, query, target, id, variable) in [
            ("dynamodb", "/", "", "DynamoDB_20120810.ListTables", "DynamoDB", "DYNAMODB"),
            (
                "dynamodb",
                "/",
                "",
                "DynamoDBStreams_20120810.X",
                "DynamoDB Streams",
                "DYNAMODB_STREAMS",
            ),
            ("s3", "/bucket", "", "", "S3", "S3"),
            ("ses", "/v2/email/identities", "", "", "SESv2", "SESV2"),
            ("ses", "/", "Action=X&Version=2010-12-01", "", "SES", "SES"),
            ("logs", "/", "", "", "CloudWatch Logs", "CLOUDWATCH_LOGS"),
            (
                "elasticloadbalancing",
                "/",
                "Version=2015-12-01",
                "",
                "Elastic Load Balancing v2",
                "ELASTIC_LOAD_BALANCING_V2",
            ),
            ("bedrock", "/model/x/converse", "", "", "Bedrock Runtime", "BEDROCK_RUNTIME"),
        ] {
            let expected = format!(
                "this emulator has no {id}; set AWS_ENDPOINT_URL_{variable} to an endpoint that has it"
            );
            assert_eq!(told(Some(scope), path, query, target), expected);
        }
    }

    #[test]
    fn an_unsigned_request_is_told_by_its_target_or_version() {
        let told_of = |query, target| told(None, "/", query, target);
        assert!(told_of("", "AWSCognitoIdentityService.GetId").contains("_COGNITO_IDENTITY "));
        assert!(told_of("Version=2014-10-31", "").contains("AWS_ENDPOINT_URL_RDS "));
        assert_eq!(told_of("", ""), "this emulator has no `X`");
    }

    #[test]
    fn a_service_that_is_not_listed_is_named_by_its_scope() {
        assert!(
            told(Some("braket"), "/", "", "").starts_with("this emulator has no service `braket`;")
        );
    }
}

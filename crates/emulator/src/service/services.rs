//! AWS services that this emulator does not have, by the name in a signature's scope, and the error
//! for a client that calls one.

use crate::message::Request;

/// A service: the name that its requests are signed for, its id, and what tells it from another of
/// the same scope: the prefix of `X-Amz-Target`, the version of the Query API, or a path.
type Row = (&'static str, &'static str, &'static str);

/// The services that are used most, from botocore 1.43. Of those with one scope, the first is
/// meant by a request that has the mark of none.
const SERVICES: &[Row] = &[
    ("acm", "ACM", "CertificateManager"),
    ("acm-pca", "ACM PCA", "ACMPrivateCA"),
    ("apigateway", "API Gateway", ""),
    ("apigateway", "ApiGatewayV2", "/v2/"),
    ("appconfig", "AppConfig", ""),
    ("appconfig", "AppConfigData", "/configuration"),
    ("application-autoscaling", "Application Auto Scaling", "AnyScaleFrontendService"),
    ("appsync", "AppSync", ""),
    ("athena", "Athena", "AmazonAthena"),
    ("autoscaling", "Auto Scaling", "2011-01-01"),
    ("backup", "Backup", ""),
    ("batch", "Batch", ""),
    ("bedrock", "Bedrock", ""),
    ("bedrock", "Bedrock Runtime", "/model/"),
    ("ce", "Cost Explorer", "AWSInsightsIndexService"),
    ("cloudformation", "CloudFormation", "2010-05-15"),
    ("cloudfront", "CloudFront", ""),
    ("cloudtrail", "CloudTrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
    ("codeartifact", "codeartifact", ""),
    ("codebuild", "CodeBuild", "CodeBuild_20161006"),
    ("codecommit", "CodeCommit", "CodeCommit_20150413"),
    ("codepipeline", "CodePipeline", "CodePipeline_20150709"),
    ("cognito-identity", "Cognito Identity", "AWSCognitoIdentityService"),
    ("cognito-idp", "Cognito Identity Provider", "AWSCognitoIdentityProviderService"),
    ("config", "Config Service", "StarlingDoveService"),
    ("dms", "Database Migration Service", "AmazonDMSv20160101"),
    ("dynamodb", "DynamoDB", "DynamoDB_20120810"),
    ("dynamodb", "DynamoDB Streams", "DynamoDBStreams_20120810"),
    ("ec2", "EC2", "2016-11-15"),
    ("ecr", "ECR", "AmazonEC2ContainerRegistry_V20150921"),
    ("ecr-public", "ECR PUBLIC", "SpencerFrontendService"),
    ("ecs", "ECS", "AmazonEC2ContainerServiceV20141113"),
    ("eks", "EKS", ""),
    ("elasticache", "ElastiCache", "2015-02-02"),
    ("elasticfilesystem", "EFS", ""),
    ("elasticloadbalancing", "Elastic Load Balancing", "2012-06-01"),
    ("elasticloadbalancing", "Elastic Load Balancing v2", "2015-12-01"),
    ("elasticmapreduce", "EMR", "ElasticMapReduce"),
    ("es", "OpenSearch", ""),
    ("events", "EventBridge", "AWSEvents"),
    ("firehose", "Firehose", "Firehose_20150804"),
    ("glue", "Glue", "AWSGlue"),
    ("guardduty", "GuardDuty", ""),
    ("iam", "IAM", "2010-05-08"),
    ("identitystore", "identitystore", "AWSIdentityStore"),
    ("iot", "IoT", ""),
    ("iotdata", "IoT Data Plane", ""),
    ("kafka", "Kafka", ""),
    ("kinesis", "Kinesis", "Kinesis_20131202"),
    ("kms", "KMS", "TrentService"),
    ("lambda", "Lambda", ""),
    ("logs", "CloudWatch Logs", "Logs_20140328"),
    ("monitoring", "CloudWatch", "GraniteServiceVersion20100801"),
    ("mq", "mq", ""),
    ("organizations", "Organizations", "AWSOrganizationsV20161128"),
    ("pipes", "Pipes", ""),
    ("rds", "RDS", "2014-10-31"),
    ("rds-data", "RDS Data", ""),
    ("redshift", "Redshift", "2012-12-01"),
    ("redshift-data", "Redshift Data", "RedshiftData"),
    ("route53", "Route 53", ""),
    ("s3", "S3", ""),
    ("s3", "S3 Control", "/v20180820/"),
    ("sagemaker", "SageMaker", "SageMaker"),
    ("sagemaker", "SageMaker Runtime", "/endpoints/"),
    ("scheduler", "Scheduler", ""),
    ("servicediscovery", "ServiceDiscovery", "Route53AutoNaming_v20170314"),
    ("ses", "SES", "2010-12-01"),
    ("ses", "SESv2", "/v2/email/"),
    ("sns", "SNS", "2010-03-31"),
    ("sqs", "SQS", "AmazonSQS"),
    ("ssm", "SSM", "AmazonSSM"),
    ("sso", "SSO Admin", "SWBExternalService"),
    ("sso-oauth", "SSO OIDC", ""),
    ("states", "SFN", "AWSStepFunctions"),
    ("support", "Support", "AWSSupport_20130415"),
    ("tagging", "Resource Groups Tagging API", "ResourceGroupsTaggingAPI_20170126"),
    ("transfer", "Transfer", "TransferService"),
    ("wafv2", "WAFV2", "AWSWAF_20190729"),
    ("xray", "XRay", ""),
];

/// Returns the error message for a request to a service that this emulator does not have, or whose
/// service is not known.
pub(super) fn absence(request: &Request, scope: Option<&str>, operation: &str) -> String {
    let marks = Marks::of(request);
    match (find(scope, &marks), scope) {
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

fn find(scope: Option<&str>, marks: &Marks<'_>) -> Option<&'static str> {
    let of_scope = |row: &&Row| scope.is_none_or(|scope| row.0 == scope);
    let mut rows = SERVICES.iter().filter(of_scope);
    let first = scope.and_then(|_| rows.clone().next());
    rows.find(|row| marks.have(row.2)).or(first).map(|row| row.1)
}

/// Returns the variable that AWS's SDKs read for the endpoint of a service.
fn endpoint_variable(id: &str) -> String {
    format!("AWS_ENDPOINT_URL_{}", id.replace([' ', '-'], "_").to_ascii_uppercase())
}

/// What identifies the service of a request, beside the scope.
struct Marks<'a> {
    target: Option<&'a str>,
    version: Option<String>,
    path: &'a str,
}

impl<'a> Marks<'a> {
    fn of(request: &'a Request) -> Self {
        let target = request.header("x-amz-target");
        Self {
            target: target.and_then(|target| target.rsplit_once('.')).map(|(prefix, _)| prefix),
            version: request.form_parameters("Version").pop(),
            path: &request.path,
        }
    }

    fn have(&self, mark: &str) -> bool {
        !mark.is_empty()
            && (self.target == Some(mark)
                || self.version.as_deref() == Some(mark)
                || (mark.starts_with('/') && self.path.starts_with(mark)))
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
        assert!(told_of("Version=2010-05-08", "").contains("AWS_ENDPOINT_URL_IAM "));
        assert_eq!(told_of("", ""), "this emulator has no `X`");
    }

    #[test]
    fn a_service_that_is_not_listed_is_named_by_its_scope() {
        assert!(
            told(Some("braket"), "/", "", "").starts_with("this emulator has no service `braket`;")
        );
    }
}

//! Where Secrets Manager and the Parameter Store are, in any Region.

use roles_anywhere_client::aws::endpoint::{self, RegionalEndpoint, Service, Variant};
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::region::Region;

/// The endpoints that references are read at. One that is given serves all Regions, as for the AWS CLI.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServiceEndpoints {
    /// That of Secrets Manager, if one is given.
    pub secrets_manager: Option<Endpoint>,
    /// That of the Parameter Store, if one is given.
    pub parameter_store: Option<Endpoint>,
    /// Which of AWS's endpoints are used otherwise.
    pub variant: Variant,
}

impl ServiceEndpoints {
    /// Returns Secrets Manager in `region`.
    pub fn secrets_manager(&self, region: &Region) -> RegionalEndpoint {
        self.at(Service::SecretsManager, self.secrets_manager.as_ref(), region)
    }

    /// Returns the Parameter Store in `region`.
    pub fn parameter_store(&self, region: &Region) -> RegionalEndpoint {
        self.at(Service::Ssm, self.parameter_store.as_ref(), region)
    }

    /// Returns the endpoints that are called for references in `region`.
    pub fn in_region(&self, region: &Region) -> [Endpoint; 2] {
        [self.secrets_manager(region).endpoint, self.parameter_store(region).endpoint]
    }

    fn at(&self, service: Service, given: Option<&Endpoint>, region: &Region) -> RegionalEndpoint {
        let endpoint = given.cloned();
        let endpoint = endpoint.unwrap_or_else(|| endpoint::of(service, region, self.variant));
        RegionalEndpoint { endpoint, region: region.clone() }
    }
}

//! The EC2 instance that clients of instance metadata see: made up from the role and the Region.

use std::env::consts::ARCH;

use aws_lc_rs::digest::{SHA256, digest};
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::hex;
use roles_anywhere_client::region::Region;

/// The part of instance metadata that does not change while this program runs.
#[derive(Debug)]
pub(in crate::server) struct ImdsInstance {
    /// The ARN of the role.
    pub(in crate::server) role_arn: String,
    /// The name of the role, without its path.
    pub(in crate::server) role_name: Bytes,
    /// The ARN of an instance profile with the name of the role.
    pub(in crate::server) profile_arn: String,
    /// Its identifier, such as `AIPA…`.
    pub(in crate::server) profile_id: String,
    /// The bodies that are the same for all requests, by path.
    static_bodies: Vec<(&'static str, Bytes)>,
}

impl ImdsInstance {
    /// Returns the instance of a role in a Region. The same role gives the same identifiers.
    pub(in crate::server) fn new(role: &RoleArn, region: &Region) -> Self {
        let role_arn = role.to_string();
        let hash = digest(&SHA256, role_arn.as_bytes());
        let hex = hex::encode(hash);
        let id = format!("i-{}", &hex[..17]);
        let zone = format!("{region}a");
        let account = role.account();
        let (partition, name) = (role.partition().as_str(), role.name());
        let document = document(&id, region, &zone, account);
        Self {
            role_name: Bytes::from(name.to_owned()),
            profile_arn: format!("arn:{partition}:iam::{account}:instance-profile/{name}"),
            profile_id: format!("AIPA{}", hex[..17].to_uppercase()),
            role_arn,
            static_bodies: vec![
                ("/latest", listing(&["dynamic", "meta-data"])),
                ("/latest/dynamic", listing(&["instance-identity/"])),
                ("/latest/dynamic/instance-identity", listing(&["document"])),
                ("/latest/dynamic/instance-identity/document", document),
                ("/latest/meta-data", listing(&["iam/", "instance-id", "placement/"])),
                ("/latest/meta-data/iam", listing(&["info", "security-credentials/"])),
                ("/latest/meta-data/instance-id", id.into()),
                ("/latest/meta-data/placement", listing(&["availability-zone", "region"])),
                ("/latest/meta-data/placement/availability-zone", zone.into()),
                ("/latest/meta-data/placement/region", region.to_string().into()),
            ],
        }
    }

    /// Returns the body at `path`, if it is one that never changes.
    pub(in crate::server) fn static_body(&self, path: &str) -> Option<&Bytes> {
        self.static_bodies.iter().find(|(known, _)| *known == path).map(|(_, body)| body)
    }

    /// Returns whether a segment of a path is the name of the role, percent-encoded or not.
    pub(in crate::server) fn is_role(&self, segment: &str) -> bool {
        segment.as_bytes() == self.role_name
            || percent_decode_str(segment).eq(self.role_name.iter().copied())
    }
}

fn listing(names: &[&str]) -> Bytes {
    names.join("\n").into()
}

/// Returns the instance identity document. Members that only a real instance has are null.
fn document(id: &str, region: &Region, zone: &str, account: &str) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct InstanceIdentityDocument<'a> {
        account_id: &'a str,
        architecture: &'a str,
        availability_zone: &'a str,
        billing_products: Option<()>,
        devpay_product_codes: Option<()>,
        marketplace_product_codes: Option<()>,
        image_id: Option<()>,
        instance_id: &'a str,
        instance_type: Option<()>,
        kernel_id: Option<()>,
        pending_time: Option<()>,
        private_ip: Option<()>,
        ramdisk_id: Option<()>,
        region: &'a str,
        version: &'a str,
    }
    let document = InstanceIdentityDocument {
        account_id: account,
        architecture: if ARCH == "aarch64" { "arm64" } else { ARCH },
        availability_zone: zone,
        billing_products: None,
        devpay_product_codes: None,
        marketplace_product_codes: None,
        image_id: None,
        instance_id: id,
        instance_type: None,
        kernel_id: None,
        pending_time: None,
        private_ip: None,
        ramdisk_id: None,
        region: region.as_str(),
        version: "2017-09-30",
    };
    serde_json::to_vec_pretty(&document).expect("strings serialize").into()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn instance(role: &str) -> ImdsInstance {
        ImdsInstance::new(&role.parse().unwrap(), &Region::parse("eu-central-1").unwrap())
    }

    fn text(instance: &ImdsInstance, path: &str) -> String {
        String::from_utf8(instance.static_body(path).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn is_the_same_each_time_and_another_for_another_role() {
        let [one, again, other] = ["a/R", "a/R", "a/S"].map(|name| {
            let instance = instance(&format!("arn:aws-cn:iam::123456789012:role/{name}"));
            assert_eq!(instance.profile_arn.rsplit_once('/').unwrap().1, &name[2..]);
            text(&instance, "/latest/meta-data/instance-id")
        });
        assert_eq!(one, again);
        assert_ne!(one, other);
        let hex = one.strip_prefix("i-").unwrap();
        assert!(hex.len() == 17 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn tells_where_it_is() {
        let instance = instance("arn:aws:iam::123456789012:role/R");
        let document: Value =
            serde_json::from_str(&text(&instance, "/latest/dynamic/instance-identity/document"))
                .unwrap();
        assert_eq!(document["region"], "eu-central-1");
        assert_eq!(document["availabilityZone"], "eu-central-1a");
        assert_eq!(document["accountId"], "123456789012");
        assert_eq!(document["instanceId"], text(&instance, "/latest/meta-data/instance-id"));
        assert_eq!(text(&instance, "/latest/meta-data/placement/region"), "eu-central-1");
        assert_eq!(
            text(&instance, "/latest/meta-data/placement/availability-zone"),
            "eu-central-1a"
        );
    }

    #[test]
    fn lists_nothing_that_is_not_there() {
        let instance = instance("arn:aws:iam::123456789012:role/R");
        let elsewhere =
            ["/latest/meta-data/iam/info", "/latest/meta-data/iam/security-credentials"];
        for (path, body) in &instance.static_bodies {
            let body = str::from_utf8(body).unwrap();
            let leaf = instance
                .static_bodies
                .iter()
                .all(|(other, _)| !other.starts_with(&format!("{path}/")));
            for name in body.lines().filter(|_| !leaf) {
                let path = format!("{path}/{}", name.trim_end_matches('/'));
                assert!(
                    instance.static_body(&path).is_some() || elsewhere.contains(&path.as_str()),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn knows_its_role_as_a_client_may_write_it() {
        let instance = instance("arn:aws:iam::123456789012:role/path/a+b=c,d@e.f-g_h");
        for name in ["a+b=c,d@e.f-g_h", "a%2Bb%3Dc%2Cd%40e.f-g_h", "a%2bb=c,d@e%2Ef-g_h"] {
            assert!(instance.is_role(name), "{name}");
        }
        for name in
            ["", "a", "path", "path/a+b=c,d@e.f-g_h", "A+b=c,d@e.f-g_h", "a%20b=c,d@e.f-g_h"]
        {
            assert!(!instance.is_role(name), "{name}");
        }
    }
}

//! The calls of a rotation against the emulator, which verifies signatures and reads requests with other
//! code.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::time::Duration;

use roles_anywhere_client::aws::create_access_key::CreatedAccessKey;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_random_password::PasswordRules;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest, SecretValue};
use roles_anywhere_client::aws::list_access_keys::KeyStatus;
use roles_anywhere_client::aws::put_secret_value::PutSecretValue;
use roles_anywhere_client::aws::update_secret_version_stage::MoveStage;
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::diagnosis::{AccessKeyCause, Cause, SecretChangeCause};
use roles_anywhere_client::http::{Endpoint, TransportOptions, Trust};
use roles_anywhere_client::provider::iam::{Caller, Iam, ServiceCallError};
use roles_anywhere_client::provider::secrets_manager::SecretsManager;
use roles_anywhere_client::provider::sts::get_caller_identity;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Deadline;
use roles_anywhere_client::{IdentitySource, Ports, RolesAnywhere, Session, SessionRequest};
use roles_anywhere_emulator::{Emulator, Options, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};

/// The user of the emulator, and the key that is in its secret.
const USER: &str = "legacy-app";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// An emulator, and a session of its role.
struct Fixture {
    _emulator: Emulator,
    provider: RolesAnywhere,
    session: Session,
    at: RegionalEndpoint,
    ports: Ports,
    deadline: Deadline,
}

impl Fixture {
    async fn start() -> Self {
        let emulator = Emulator::start(Options::default()).unwrap();
        let file = |name: &str| emulator.directory().join(name);
        let endpoint = Endpoint::parse(emulator.endpoint()).unwrap();
        let session = SessionRequest::new(
            TRUST_ANCHOR_ARN.parse().unwrap(),
            PROFILE_ARN.parse().unwrap(),
            ROLE_ARN.parse().unwrap(),
        );
        let session = SessionRequest { endpoint: endpoint.clone(), ..session };
        let source = IdentitySource::files(file("leaf/p256.chain.pem"), file("leaf/p256.key.pem"));
        let provider = RolesAnywhere::new(source, session);
        let trust = Trust::File { origin: "the emulator".into(), path: file("tls-ca.pem") };
        let ports = Ports::system(TransportOptions { trust, ..TransportOptions::default() });
        let deadline = Deadline::new(ports.clock.uptime(), Duration::from_secs(60));
        let session = provider.fetch(0, &ports, deadline).await.unwrap();
        let at = RegionalEndpoint { endpoint, region: Region::parse("us-east-1").unwrap() };
        Self { _emulator: emulator, provider, session, at, ports, deadline }
    }

    fn by_session(&self) -> Iam<'_> {
        let caller = Caller::Session { provider: &self.provider, session: &self.session };
        Iam { at: &self.at, caller }
    }

    fn by_key<'a>(&'a self, key: &'a AccessKey) -> Iam<'a> {
        Iam { at: &self.at, caller: Caller::Key(key) }
    }

    fn secrets(&self) -> SecretsManager<'_> {
        SecretsManager { at: &self.at, provider: &self.provider }
    }

    async fn create(&self) -> Result<CreatedAccessKey, ServiceCallError> {
        self.by_session().create_access_key(Some(USER), &self.ports, self.deadline).await
    }

    async fn move_stage(
        &self,
        to: Option<&str>,
        from: Option<&str>,
    ) -> Result<(), ServiceCallError> {
        let (to, from) = (to.map(str::to_owned), from.map(str::to_owned));
        let request = MoveStage { secret: secret(), stage: "AWSPENDING".to_owned(), to, from };
        let Self { session, ports, deadline, .. } = self;
        self.secrets().update_secret_version_stage(&request, session, ports, *deadline).await
    }
}

fn secret() -> SecretId {
    SecretId::Name("prod/access-key".to_owned())
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

fn cause(error: &ServiceCallError) -> &Cause {
    &error.refusal().unwrap().causes[0]
}

#[test]
fn an_access_key_is_made_used_deactivated_and_deleted() {
    block_on(async {
        let fixture = Fixture::start().await;
        let Fixture { at, ports, deadline, .. } = &fixture;
        let deadline = *deadline;
        let created = fixture.create().await.unwrap();
        assert_eq!(created.user_name, USER);
        let identity = get_caller_identity(at, &created.key, ports, deadline).await.unwrap();
        assert!(identity.arn.ends_with(":user/legacy-app"), "{identity:?}");

        let limit = fixture.create().await.unwrap_err();
        assert!(
            matches!(cause(&limit), Cause::AccessKey(AccessKeyCause::LimitExceeded { .. })),
            "{limit:?}"
        );

        // The new key manages those of its own user.
        let own = fixture.by_key(&created.key);
        let keys = own.list_access_keys(None, ports, deadline).await.unwrap();
        assert_eq!(keys.len(), 2);
        own.update_access_key((None, KEY), KeyStatus::Inactive, ports, deadline).await.unwrap();
        let session = fixture.by_session();
        let keys = session.list_access_keys(Some(USER), ports, deadline).await.unwrap();
        let old = keys.iter().find(|key| key.id == KEY).unwrap();
        assert_eq!(old.status, KeyStatus::Inactive);
        let used = session.get_access_key_last_used(&created.key.id, ports, deadline);
        assert_eq!(used.await.unwrap().user_name.as_deref(), Some(USER));

        session.delete_access_key((Some(USER), KEY), ports, deadline).await.unwrap();
        let gone = session.delete_access_key((Some(USER), KEY), ports, deadline).await;
        let gone = gone.unwrap_err();
        assert!(
            matches!(cause(&gone), Cause::AccessKey(AccessKeyCause::NoSuchEntity { .. })),
            "{gone:?}"
        );
        let wrong = AccessKey { secret: Secret::new("x".repeat(40)), ..created.key.clone() };
        let wrong = get_caller_identity(at, &wrong, ports, deadline).await.unwrap_err();
        assert!(
            matches!(cause(&wrong), Cause::AccessKey(AccessKeyCause::WrongSecret { .. })),
            "{wrong:?}"
        );
        session.delete_access_key((Some(USER), &created.key.id), ports, deadline).await.unwrap();
        let unknown = get_caller_identity(at, &created.key, ports, deadline).await.unwrap_err();
        assert!(
            matches!(cause(&unknown), Cause::AccessKey(AccessKeyCause::NotAccepted { .. })),
            "{unknown:?}"
        );
    });
}

#[test]
fn a_version_is_claimed_by_one_process() {
    block_on(async {
        let fixture = Fixture::start().await;
        let Fixture { session, ports, deadline, .. } = &fixture;
        let secrets = fixture.secrets();
        let put = |version_id: &str, value: &str, stage: &str| PutSecretValue {
            secret: secret(),
            version_id: version_id.to_owned(),
            value: SecretValue::Text(Secret::new(value.to_owned())),
            stages: vec![stage.to_owned()],
        };
        let (first, second) =
            ("11111111-89ab-4def-8123-456789abcdef", "22222222-89ab-4def-8123-456789abcdef");
        for (id, stage) in [(first, "roles-anywhere-a"), (second, "roles-anywhere-b")] {
            let request = put(id, "{}", stage);
            // A second time has no further effect.
            for _ in 0..2 {
                let stored = secrets.put_secret_value(&request, session, ports, *deadline);
                assert_eq!(stored.await.unwrap().version_id, id);
            }
        }
        let other = put(first, "other", "roles-anywhere-a");
        let exists = secrets.put_secret_value(&other, session, ports, *deadline).await.unwrap_err();
        assert!(
            matches!(cause(&exists), Cause::SecretChange(SecretChangeCause::VersionExists { .. })),
            "{exists:?}"
        );

        fixture.move_stage(Some(first), None).await.unwrap();
        for from in [None, Some(second)] {
            let lost = fixture.move_stage(Some(second), from).await.unwrap_err();
            assert!(
                matches!(
                    cause(&lost),
                    Cause::SecretChange(SecretChangeCause::StageElsewhere { .. })
                ),
                "{lost:?}"
            );
        }
        fixture.move_stage(Some(second), Some(first)).await.unwrap();
        let pending = SecretRequest {
            version_stage: Some("AWSPENDING".to_owned()),
            ..SecretRequest::current(secret())
        };
        let version = secrets.get_secret_value(&pending, session, ports, *deadline).await.unwrap();
        assert_eq!(version.version_id.as_deref(), Some(second));
        fixture.move_stage(None, Some(second)).await.unwrap();
    });
}

#[test]
fn a_password_follows_its_rules() {
    block_on(async {
        let fixture = Fixture::start().await;
        let rules = PasswordRules {
            length: Some(20),
            exclude_characters: Some("0\"\\é".to_owned()),
            exclude_punctuation: Some(true),
            exclude_uppercase: Some(true),
            ..PasswordRules::default()
        };
        let Fixture { session, ports, deadline, .. } = &fixture;
        let secrets = fixture.secrets();
        let password = secrets.get_random_password(&rules, session, ports, *deadline);
        let password = password.await.unwrap();
        let legal = |c: char| c.is_ascii_lowercase() || ('1'..='9').contains(&c);
        assert!(password.expose().len() == 20 && password.expose().chars().all(legal));
        let short = PasswordRules { length: Some(1), ..PasswordRules::default() };
        let short = secrets.get_random_password(&short, session, ports, *deadline).await;
        assert_eq!(*cause(&short.unwrap_err()), Cause::InvalidRequest);
    });
}

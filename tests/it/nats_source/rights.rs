//! Permissions, and credentials that change.

use std::path::Path;

use base64::Engine as _;
use fleetscope::config;
use fleetscope::model::{Event, SettlementKind};
use fleetscope::sources::nats::{Permission, ProbeReport, probe};
use fleetscope::status::Health;

use super::rig::{FLEET, Source, config, make_stream, on_each_server, publish};
use crate::servers::nats::NatsServer;

on_each_server! {
    the_probe_says_what_is_there_and_leaves_nothing => probed;
    the_probe_names_exactly_the_permissions_to_add => permissions;
    without_the_tap_naks_come_as_advisories => untapped;
    takes_new_credentials_when_the_old_are_revoked => rotated;
    signs_in_by_token_and_by_nkey => keys;
    signs_in_by_a_creds_file => creds;
    speaks_tls_and_shows_its_certificate => tls;
}

/// An administrator, and an observer with what is given.
fn users(observer: &str, password: &str) -> String {
    format!(
        "authorization {{ users: [ {{user: admin, password: admin}}, \
         {{user: observer, password: {password}, {observer}}} ] }}"
    )
}

fn only(publish: &[String], subscribe: &[String]) -> String {
    format!("permissions: {{ publish: {{ allow: {publish:?} }}, subscribe: {{ allow: {subscribe:?} }} }}")
}

async fn admin(server: &NatsServer) -> async_nats::jetstream::Context {
    let options = async_nats::ConnectOptions::with_user_and_password("admin".to_owned(), "admin".to_owned());
    async_nats::jetstream::new(options.connect(server.url()).await.expect("a connection"))
}

fn observer(server: &NatsServer, password: &str) -> config::Nats {
    let file = server.dir().join("password");
    std::fs::write(&file, format!("{password}\n")).expect("written");
    config::Nats { user: Some("observer".to_owned()), password_file: Some(file), ..config(&server.url()) }
}

async fn probed(binary: &Path) {
    let server = NatsServer::start(binary, "");
    let fleet = super::rig::fleet(&server.url()).await;
    for (stream, subject) in &FLEET[..7] {
        make_stream(&fleet, stream, subject).await;
    }
    let report = probe(&config(&server.url())).await;
    assert!(report.connected && report.jetstream && report.can_list && report.ack_tap && report.advisories);
    assert_eq!(report.missing, ["task_derivation"]);
    assert_eq!((report.problems.len(), report.permissions.len()), (0, 0), "{report:?}");
    assert!(report.streams.len() == 7 && report.streams.iter().all(|s| s.consumer && s.problem.is_none()));
    for (stream, _) in &FLEET[..7] {
        let mut stream = fleet.get_stream(stream).await.expect("it is there");
        assert_eq!(stream.info().await.expect("info").state.consumer_count, 0);
    }
    let away = probe(&config::Nats { url: Some("nats://127.0.0.1:1".to_owned()), ..config::Nats::default() }).await;
    assert!(!away.connected && !away.problems.is_empty());
}

async fn permissions(binary: &Path) {
    let inbox = "_INBOX.>".to_owned();
    let server = NatsServer::start(binary, &users(&only(&["none".to_owned()], std::slice::from_ref(&inbox)), "old"));
    let admin = admin(&server).await;
    make_stream(&admin, "CONTEXT", "context.>").await;
    publish(&admin, "context.a", "{}").await;
    let config = observer(&server, "old");
    let (mut publications, mut subscriptions) = (vec!["none".to_owned()], vec![inbox]);
    let mut rounds = 0;
    let clean: ProbeReport = loop {
        let report = probe(&config).await;
        assert!(report.connected, "{report:?}");
        if report.permissions.is_empty() {
            break report;
        }
        for Permission { action, subject, .. } in report.permissions {
            if action == "publish" { publications.push(subject) } else { subscriptions.push(subject) }
        }
        server.reconfigure(&users(&only(&publications, &subscriptions), "old"));
        crate::servers::until("the new permissions", super::rig::BOUND, || {
            std::future::ready(server.reloads().gt(&rounds).then_some(()))
        })
        .await;
        rounds += 1;
        assert!(rounds < 6, "never content: {publications:?}");
    };
    assert!(clean.problems.is_empty() && clean.ack_tap && clean.advisories && clean.can_list, "{clean:?}");
    assert!(publications.contains(&"$JS.API.CONSUMER.CREATE.CONTEXT.*".to_owned()), "{publications:?}");
    // With exactly these the source works.
    let mut source = Source::start(config, Vec::new());
    assert_eq!(source.messages(1).await[0].stream_seq, 1);
    source.next("consumers", |e| matches!(e, Event::Consumers(r) if r.tapped).then_some(())).await;
    source.until_health(Health::Up).await;
    assert_eq!(source.errors("permission"), 0);
    source.stop().await;
}

async fn untapped(binary: &Path) {
    let rights = "permissions: { subscribe: { deny: [\"$JS.ACK.>\"] } }";
    let server = NatsServer::start(binary, &users(rights, "old"));
    let admin = admin(&server).await;
    make_stream(&admin, "CONTEXT", "context.>").await;
    let mut source = Source::start(observer(&server, "old"), Vec::new());
    source.next("polled, not tapped", |e| matches!(e, Event::Consumers(r) if !r.tapped).then_some(())).await;
    let mut worker = super::settling::Worker::start(&admin, "CONTEXT", "worker").await;
    publish(&admin, "context.a", "{}").await;
    let message = worker.next().await;
    message.ack_with(async_nats::jetstream::AckKind::Nak(None)).await.expect("sent");
    let nak = source.next("a nak", super::settling::settlement).await;
    assert!(matches!(nak.kind, SettlementKind::Nak { .. }));
    assert_eq!((&*nak.consumer, nak.stream_seq, nak.deliveries), ("worker", 1, 1));
    source.until_health(Health::Up).await;
    assert!(source.detail().contains("not permitted"), "{}", source.detail());
    source.stop().await;
}

async fn rotated(binary: &Path) {
    let server = NatsServer::start(binary, &users("permissions: { publish: \">\" }", "old"));
    let admin = admin(&server).await;
    make_stream(&admin, "CONTEXT", "context.>").await;
    publish(&admin, "context.a", "{}").await;
    let mut source = Source::start(observer(&server, "old"), Vec::new());
    source.messages(1).await;
    // Revoked first, the new secret comes only then.
    server.reconfigure(&users("permissions: { publish: \">\" }", "new"));
    source.until_health(Health::Down).await;
    observer(&server, "new");
    publish(&admin, "context.a", "{}").await;
    assert_eq!(source.messages(1).await[0].stream_seq, 2);
    source.stop().await;
}

async fn keys(binary: &Path) {
    let server = NatsServer::start(binary, "authorization { token: \"t0ken\" }");
    let file = server.dir().join("secret");
    std::fs::write(&file, "t0ken\n").expect("written");
    let report = probe(&config::Nats { token_file: Some(file.clone()), ..config(&server.url()) }).await;
    assert!(report.connected && report.problems.is_empty(), "{report:?}");
    let wrong = probe(&config(&server.url())).await;
    assert!(!wrong.connected && wrong.problems[0].contains("uthorization"), "{wrong:?}");
    let pair = nkeys::KeyPair::new_user();
    let server = NatsServer::start(binary, &format!("authorization {{ users: [ {{nkey: {}}} ] }}", pair.public_key()));
    std::fs::write(&file, pair.seed().expect("a seed")).expect("written");
    let report = probe(&config::Nats { nkey_file: Some(file), ..config(&server.url()) }).await;
    assert!(report.connected && report.problems.is_empty(), "{report:?}");
}

/// A JWT of the kind nats-server reads, signed by `issuer`.
fn jwt(issuer: &nkeys::KeyPair, subject: &str, claims: &str) -> String {
    let encode = |text: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let header = encode(br#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let body = format!(
        r#"{{"jti":"1","iat":1700000000,"iss":"{}","name":"test","sub":"{subject}","nats":{claims}}}"#,
        issuer.public_key()
    );
    let text = format!("{header}.{}", encode(body.as_bytes()));
    let signature = encode(&issuer.sign(text.as_bytes()).expect("signed"));
    format!("{text}.{signature}")
}

async fn creds(binary: &Path) {
    let (operator, account, user) =
        (nkeys::KeyPair::new_operator(), nkeys::KeyPair::new_account(), nkeys::KeyPair::new_user());
    let unlimited = r#""limits":{"subs":-1,"conn":-1,"leaf":-1,"imports":-1,"exports":-1,"data":-1,"payload":-1,
        "wildcards":true,"mem_storage":-1,"disk_storage":-1,"streams":-1,"consumer":-1},"#;
    let account_jwt = jwt(
        &operator,
        &account.public_key(),
        &format!(r#"{{{unlimited}"type":"account","version":2}}"#).replace([' ', '\n'], ""),
    );
    let user_claims = r#"{"pub":{},"sub":{},"subs":-1,"data":-1,"payload":-1,"type":"user","version":2}"#;
    let user_jwt = jwt(&account, &user.public_key(), user_claims);
    let operator_jwt = jwt(&operator, &operator.public_key(), r#"{"type":"operator","version":2}"#);
    let (public, system) = (account.public_key(), nkeys::KeyPair::new_account().public_key());
    let system_jwt = jwt(&operator, &system, r#"{"type":"account","version":2}"#);
    let server = NatsServer::start(
        binary,
        &format!(
            "operator: {operator_jwt}\nsystem_account: {system}\nresolver: MEMORY\n\
             resolver_preload: {{ {public}: {account_jwt}, {system}: {system_jwt} }}"
        ),
    );
    let file = server.dir().join("observer.creds");
    let seed = user.seed().expect("a seed");
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{user_jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    std::fs::write(&file, text).expect("written");
    let report = probe(&config::Nats { creds_file: Some(file.clone()), ..config(&server.url()) }).await;
    assert!(report.connected && report.jetstream && report.problems.is_empty(), "{report:?}");
    std::fs::remove_file(&file).expect("removed");
    let gone = probe(&config::Nats { creds_file: Some(file), ..config(&server.url()) }).await;
    assert!(!gone.connected && gone.problems[0].contains("observer.creds"), "{gone:?}");
}

async fn tls(binary: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    let file = |name: &str| fixtures.join(name);
    let server = NatsServer::start(
        binary,
        &format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}",
            file("server.pem").display(),
            file("server.key").display(),
            file("ca.pem").display()
        ),
    );
    let trusting = config::Nats { tls_ca_file: Some(file("ca.pem")), tls_required: true, ..config(&server.url()) };
    let known = config::Nats {
        tls_cert_file: Some(file("client.pem")),
        tls_key_file: Some(file("client.key")),
        ..trusting.clone()
    };
    let report = probe(&known).await;
    assert!(report.connected && report.problems.is_empty(), "{report:?}");
    assert!(!probe(&trusting).await.connected, "without a certificate of our own");
    assert!(!probe(&config::Nats { tls_ca_file: None, ..known }).await.connected, "of an unknown authority");
}

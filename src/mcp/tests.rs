//! Bounds on calls, with an API that answers when it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::Notify;

use super::*;

/// Answers nobody until it is told to, and counts who asks.
#[derive(Debug, Default)]
struct Slow {
    asked: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    go: Arc<Notify>,
}

impl Ask for Slow {
    fn get<'a>(&'a self, _: &'a [&'a str], _: &'a [(&'static str, String)]) -> BoxFuture<'a, Answer> {
        Box::pin(async {
            let at_work = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(at_work, Ordering::SeqCst);
            self.go.notified().await;
            self.asked.fetch_sub(1, Ordering::SeqCst);
            Ok(json!({}))
        })
    }
}

#[tokio::test]
async fn few_work_some_wait_and_the_rest_are_told() {
    let slow = Slow::default();
    let (most, go) = (Arc::clone(&slow.most), Arc::clone(&slow.go));
    let server = Arc::new(Server::new(slow, Bounds::default()));
    let seq = || json!({"seq": 1}).as_object().cloned().expect("an object");
    let call = |n: usize| {
        let server = Arc::clone(&server);
        let arguments = seq();
        tokio::spawn(async move { (n, server.answer(Kind::GetEvent, arguments).await) })
    };
    let calls: Vec<_> = (0..WAITING + 10).map(call).collect();
    let release = tokio::spawn(async move {
        loop {
            go.notify_one();
            tokio::task::yield_now().await;
        }
    });
    let mut busy = 0;
    for call in calls {
        let (_, answer) = call.await.expect("it ends");
        match answer {
            Ok(text) => assert!(text.contains("\"untrusted\":true")),
            Err(refused) => {
                assert!(refused.told().contains("too many calls"), "{}", refused.told());
                busy += 1;
            }
        }
    }
    release.abort();
    assert_eq!(busy, 10);
    assert_eq!(most.load(Ordering::SeqCst), AT_WORK);
}

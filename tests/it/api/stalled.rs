//! Clients of the live feed that take nothing, or answer nothing: they are sent away, counted, and harm nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fleetscope::model::Seq;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::world::{BOUND, Socket, World, with_payload};
use crate::support::until;

/// Clients that stall: over sockets, and as streams of events.
const SOCKETS: usize = 40;
const STREAMS: usize = 10;
/// Most that waits for one client: the hub's budget, and the frame that went over it.
const EACH: usize = 2 << 20;

/// A connection that takes little before it is full: what a stalled client leaves unread must not fit into it.
async fn narrow(world: &World) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 << 10).expect("a size");
    socket.connect(world.address).await.expect("connected")
}

async fn narrow_socket(world: &World) -> Socket<TcpStream> {
    let url = format!("ws://{}/ws", world.address);
    let (socket, _) = tokio_tungstenite::client_async(url, narrow(world).await).await.expect("an upgrade");
    let mut socket = Socket(socket);
    socket.say(json!({"type": "subscribe", "payload": "full", "since": 0})).await;
    socket.live().await;
    socket
}

async fn narrow_stream(world: &World) -> TcpStream {
    let mut stream = narrow(world).await;
    let request = "GET /api/feed?payload=full&since=0 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut read = String::new();
    while !read.contains("\"done\":true") {
        let mut some = [0; 1024];
        let count = tokio::time::timeout(BOUND, stream.read(&mut some)).await.expect("in time").expect("open");
        assert!(count > 0, "closed after {read}");
        read.push_str(std::str::from_utf8(&some[..count]).expect("UTF-8"));
    }
    stream
}

fn evicted(world: &World, reason: &str) -> u64 {
    world.metrics.feed.evicted.with_label_values(&[reason]).get()
}

/// Commits large events one after the other until told to stop; gives the last, and the longest time a commit took.
async fn events(world: &World, stop: &AtomicBool, read: &tokio::sync::watch::Receiver<Seq>) -> (Seq, Duration) {
    let text = "x".repeat(16 << 10);
    let (mut last, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let payload = |n: Seq| format!("{{\"n\":{n},\"text\":\"{text}\"}}");
        let first = world.commit(|seq| (0..20).map(|n| with_payload(seq + n, "US-1", payload(n))).collect());
        longest = longest.max(began.elapsed());
        last = first + 19;
        // The quick client paces the fleet: what it could not read yet would only pile up in the tail.
        let mut read = read.clone();
        tokio::time::timeout(BOUND, read.wait_for(|seq| *seq >= last)).await.expect("it keeps up").expect("it lives");
        world.journal.purge(first);
    }
    (last, longest)
}

/// Reads everything as it comes; gives the gaps.
async fn read_all(mut quick: Socket, read: tokio::sync::watch::Sender<Seq>) -> Vec<(Seq, Seq)> {
    let mut gaps = Vec::new();
    while let Some(frame) = quick.frame().await {
        match frame["type"].as_str() {
            Some("events") => {
                let items = frame["items"].as_array().expect("a list");
                for seq in items.iter().map(|i| i["seq"].as_u64().expect("a seq")) {
                    let before = read.send_replace(seq);
                    assert_eq!(seq, before + 1, "in order, none missing");
                }
            }
            Some("gap") => gaps.push((frame["from"].as_u64().expect("seq"), frame["to"].as_u64().expect("seq"))),
            _ => {}
        }
    }
    gaps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_that_take_nothing_are_sent_away_and_harm_nobody() {
    let world = Arc::new(World::with(|config| config.http.feed_stall_timeout = Duration::from_secs(2)));
    let mut quick = world.socket().await;
    quick.say(json!({"type": "subscribe", "payload": "full", "since": 0})).await;
    quick.live().await;
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..SOCKETS {
        sockets.push(narrow_socket(&world).await);
    }
    for _ in 0..STREAMS {
        streams.push(narrow_stream(&world).await);
    }
    let (read, seen) = tokio::sync::watch::channel(0);
    let reader = tokio::spawn(read_all(quick, read));
    let stop = Arc::new(AtomicBool::new(false));
    let fleet = tokio::spawn({
        let (world, stop, seen) = (Arc::clone(&world), Arc::clone(&stop), seen.clone());
        async move { events(&world, &stop, &seen).await }
    });

    let mut most = 0.0_f64;
    until("all that take nothing are sent away", BOUND, || {
        most = most.max(world.metrics.feed.queued.with_label_values::<&str>(&[]).get());
        std::future::ready(evicted(&world, "stalled") == (SOCKETS + STREAMS) as u64)
    })
    .await;
    assert!(most > 0.0, "nothing waited for them");
    assert!(most <= ((SOCKETS + STREAMS + 1) * EACH) as f64, "{most} bytes waited for them");
    until("their places are free", BOUND, || async { world.get("/status").await.1["feed"]["clients"] == 1 }).await;
    until("nothing waits for them", BOUND, || {
        std::future::ready(world.metrics.feed.queued.with_label_values::<&str>(&[]).get() <= EACH as f64)
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let (last, longest) = fleet.await.expect("the quick client got everything");
    assert!(longest < Duration::from_secs(1), "a commit took {longest:?}");
    assert_eq!(*seen.borrow(), last);
    assert_eq!(evicted(&world, "stalled"), (SOCKETS + STREAMS) as u64, "each is counted once");
    assert!(world.metrics.feed.dropped.with_label_values(&["slow"]).get() > 0);
    drop(world);
    assert!(reader.await.expect("no panic").is_empty(), "the quick client lost something");
    for mut socket in sockets {
        while socket.frame().await.is_some() {}
    }
    for mut stream in streams {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(BOUND, stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "the connection stays open");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_no_ping_is_sent_away_and_who_does_stays() {
    let world = World::with(|config| config.http.feed_ping_interval = Duration::from_millis(500));
    let mut quiet = world.socket().await;
    quiet.say(json!({"type": "subscribe", "since": 0})).await;
    quiet.live().await;
    let quiet = tokio::spawn(async move { quiet.next("events").await });
    let (socket, _) = {
        let stream = TcpStream::connect(world.address).await.expect("connected");
        tokio_tungstenite::client_async(format!("ws://{}/ws", world.address), stream).await.expect("an upgrade")
    };
    // From here on bytes are read and nobody answers.
    let mut deaf = socket.into_inner();
    let mut read = Vec::new();
    let end = tokio::time::timeout(BOUND, deaf.read_to_end(&mut read)).await.expect("it is sent away");
    assert!(end.is_ok() || !read.is_empty());
    let pings = read.windows(2).filter(|w| *w == [0x89, 0]).count();
    assert!(pings >= 2, "asked {pings} times: {read:?}");
    assert!(read.ends_with(b"no_pong"), "it is told why: {read:?}");
    assert_eq!(evicted(&world, "no_pong"), 1);
    let seq = world.entry("US-1");
    let frame = quiet.await.expect("it answers pings, so it is still there");
    assert_eq!(frame["items"][0]["seq"], seq);
}

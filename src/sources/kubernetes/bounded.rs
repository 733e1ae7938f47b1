//! Answers of the API server within bounds: the client itself would read whatever comes.
//! Takes: requests on their way. Gives: answers that end with an error where they are too long. Never: looks into them.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use http::{Request, Response};
use http_body_util::{LengthLimitError, Limited};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

/// Longest answer: a page of a list has 500 objects, and one of them rarely has 64 KiB.
const MAX_ANSWER: usize = 32 << 20;
/// Most a watch may say before it begins anew.
const MAX_WATCH: usize = 256 << 20;

/// Puts the bounds around a client's requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds;

impl<S> Layer<S> for Bounds {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        Bounded(inner)
    }
}

/// A client whose answers have bounds.
#[derive(Clone, Debug)]
pub(super) struct Bounded<S>(S);

impl<S, B> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Limited<B>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let query = request.uri().query().unwrap_or_default();
        let watches = query.split('&').any(|pair| pair.starts_with("watch="));
        let most = if watches { MAX_WATCH } else { MAX_ANSWER };
        let answer = self.0.call(request);
        async move { Ok(answer.await?.map(|body| Limited::new(body, most))) }.boxed()
    }
}

/// Whether an error says that an answer was too long.
pub(super) fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| cause.is::<LengthLimitError>() || cause.to_string() == LENGTH_LIMIT)
}

/// What [`LengthLimitError`] says: on its way through the client it becomes text.
const LENGTH_LIMIT: &str = "length limit exceeded";

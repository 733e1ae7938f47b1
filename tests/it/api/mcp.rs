//! The Model Context Protocol: by an official client, over both transports; what it may see, and what is hostile.

mod hostile;
mod tools;

use std::process::Stdio;

use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ServiceError, ServiceExt as _};
use serde_json::{Value as Json, json};

use super::world::{BOUND, World};

type Client = RunningService<RoleClient, ()>;

/// What the command line serves on standard input and output.
async fn stdio(world: &World, arguments: &[&str]) -> Client {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fleetscope"));
    command.args(["mcp", "--url", &world.url("/")]).args(arguments);
    command.env_remove("HTTP_PROXY").env_remove("http_proxy").stderr(Stdio::inherit()).kill_on_drop(true);
    let process = TokioChildProcess::new(command).expect("it runs");
    tokio::time::timeout(BOUND, ().serve(process)).await.expect("in time").expect("a session")
}

/// What the daemon itself serves.
async fn http(world: &World, token: Option<&str>) -> Result<Client, String> {
    let mut config = StreamableHttpClientTransportConfig::with_uri(world.url("/mcp"));
    if let Some(token) = token {
        config = config.auth_header(token);
    }
    let transport = StreamableHttpClientTransport::with_client(world.http.clone(), config);
    let served = tokio::time::timeout(BOUND, ().serve(transport)).await.expect("in time");
    served.map_err(|error| format!("{error:?}"))
}

async fn result(client: &Client, tool: &'static str, arguments: Json) -> Result<CallToolResult, ServiceError> {
    let Json::Object(arguments) = arguments else { panic!("arguments are an object") };
    let call = client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments));
    tokio::time::timeout(BOUND, call).await.expect("in time")
}

/// The answer of a call that succeeds.
async fn call(client: &Client, tool: &'static str, arguments: Json) -> Json {
    let result = result(client, tool, arguments).await.expect("a result");
    let texts: Vec<&str> = result.content.iter().filter_map(|c| c.as_text()).map(|t| t.text.as_str()).collect();
    assert_ne!(result.is_error, Some(true), "{texts:?}");
    assert!(texts[0].contains("untrusted data"), "{texts:?}");
    let answer: Json = serde_json::from_str(texts[1]).expect("JSON");
    assert_eq!((&answer["tool"], &answer["untrusted"]), (&json!(tool), &json!(true)));
    answer
}

/// What a call that fails is told.
async fn refused(client: &Client, tool: &'static str, arguments: Json) -> String {
    let result = result(client, tool, arguments).await.expect("a result");
    assert_eq!(result.is_error, Some(true), "{:?}", result.content);
    result.content[0].as_text().expect("a text").text.clone()
}

fn seqs(answer: &Json) -> Vec<u64> {
    let items = answer["answer"]["items"].as_array().expect("a list");
    items.iter().map(|item| item["seq"].as_u64().expect("a seq")).collect()
}

//! One connection: requests are read on while earlier ones are worked out, and answered in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, RequestKind, ResponseKind};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::debug;

use super::Shared;
use crate::api;
use crate::call::{Answer, Call, Client};
use crate::code::Code;
use crate::faults::{Fault, Struck};
use crate::limits::{REQUESTS_WAITING_MAX, STALL_MS};
use crate::wire::{FrameFault, RequestFault, decode_request, encode_reply, read_frame};

#[derive(Debug, Error)]
pub(super) enum ConnectionFault {
    #[error(transparent)]
    Frame(#[from] FrameFault),
    #[error(transparent)]
    Request(#[from] RequestFault),
    #[error("the core took no more requests")]
    Core,
    #[error("a fault was injected")]
    Injected,
}

/// A reply that is due, in the order of the requests.
struct Due {
    key: ApiKey,
    version: i16,
    correlation: i32,
    answer: oneshot::Receiver<Answer>,
    lost: Option<Lost>,
}

/// How a reply that was worked out does not reach its client.
enum Lost {
    Reply,
    Connection,
}

pub(super) async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Shared,
) -> Result<(), ConnectionFault> {
    if let Err(fault) = stream.set_nodelay(true) {
        debug!(%peer, %fault, "small replies may be late");
    }
    let (read, write) = stream.into_split();
    let (due, waiting) = mpsc::channel(REQUESTS_WAITING_MAX);
    let host: Arc<str> = Arc::from(format!("/{}", peer.ip()));
    let reader = async {
        let ended = read_requests(read, &host, shared, &due).await;
        // What was read before is still answered, and then the writer ends.
        drop(due);
        ended
    };
    let writer = write_replies(write, waiting);
    tokio::pin!(reader, writer);
    tokio::select! {
        read = &mut reader => {
            // Who closed hears nothing more; who sent nonsense is still owed what came before it.
            if read.is_err() {
                let _ = timeout(Duration::from_millis(STALL_MS), writer).await;
            }
            read
        }
        () = &mut writer => Ok(()),
    }
}

async fn read_requests(
    read: OwnedReadHalf,
    host: &Arc<str>,
    shared: &Shared,
    due: &mpsc::Sender<Due>,
) -> Result<(), ConnectionFault> {
    let mut read = BufReader::with_capacity(16 * 1024, read);
    let stall = Duration::from_millis(STALL_MS);
    while let Some(frame) = read_frame(&mut read, stall).await? {
        let (reply, answer) = oneshot::channel();
        let incoming = match decode_request(frame) {
            Ok(incoming) => incoming,
            Err(RequestFault::VersionsUnknown { correlation }) => {
                // Answered in the oldest form, the one that every client reads.
                let response = api::versions(Code::UnsupportedVersion);
                let _ = reply.send(Answer::of(response));
                let told = Due {
                    key: ApiKey::ApiVersions,
                    version: 0,
                    correlation,
                    answer,
                    lost: None,
                };
                due.send(told).await.map_err(|_| ConnectionFault::Core)?;
                continue;
            }
            Err(fault) => return Err(fault.into()),
        };
        let struck = shared.faults.strike(incoming.key, &incoming.client_id);
        let lost = match struck.as_ref().map(|struck| struck.fault) {
            Some(Fault::Close) => return Err(ConnectionFault::Injected),
            Some(Fault::DropRequest) => return overhear(read).await,
            Some(Fault::DropReply) => Some(Lost::Reply),
            Some(Fault::CloseAfter) => Some(Lost::Connection),
            _ => None,
        };
        let told = Due {
            key: incoming.key,
            version: incoming.version,
            correlation: incoming.correlation,
            answer,
            lost,
        };
        let call = Call {
            client: Client {
                id: Arc::from(incoming.client_id),
                host: Arc::clone(host),
            },
            version: incoming.version,
            request: incoming.request,
            reply,
        };
        due.send(told).await.map_err(|_| ConnectionFault::Core)?;
        match struck {
            None => send(shared, call).await?,
            Some(struck) => send_struck(shared, call, struck).await?,
        }
    }
    Ok(())
}

async fn send(shared: &Shared, call: Call) -> Result<(), ConnectionFault> {
    if let RequestKind::ApiVersions(ApiVersionsRequest { .. }) = call.request {
        let _ = call.reply.send(Answer::of(api::versions(Code::None)));
        return Ok(());
    }
    shared
        .core
        .send(call)
        .await
        .map_err(|_| ConnectionFault::Core)
}

async fn send_struck(
    shared: &Shared,
    call: Call,
    mut struck: Struck,
) -> Result<(), ConnectionFault> {
    match struck.fault {
        Fault::Hold => hold(shared, call, async move { struck.released().await }).await,
        Fault::HoldFor(time) => hold(shared, call, tokio::time::sleep(time)).await,
        Fault::Duplicate => {
            if is_never_repeated(&call.request) {
                return send(shared, call).await;
            }
            let (reply, _unheard) = oneshot::channel();
            let given_up = Call {
                client: call.client.clone(),
                version: call.version,
                request: call.request.clone(),
                reply,
            };
            send(shared, given_up).await?;
            send(shared, call).await
        }
        Fault::Delay(time) => {
            tokio::time::sleep(time).await;
            send(shared, call).await
        }
        Fault::Refuse(code) => {
            match api::refusal(&call.request, call.version, code) {
                Some(response) => {
                    let _ = call.reply.send(Answer::of(response));
                }
                None => return Err(ConnectionFault::Injected),
            }
            Ok(())
        }
        Fault::DropReply | Fault::CloseAfter => send(shared, call).await,
        // Both end the reading before there is a call.
        Fault::DropRequest | Fault::Close => Err(ConnectionFault::Injected),
    }
}

/// Lets a request reach the core when `until` is over. Nothing behind it on its connection is read
/// before, since no stream lets a later byte overtake; but it outlives its connection, as what a
/// client sent before it hung up does. It does not outlive the server.
async fn hold(
    shared: &Shared,
    call: Call,
    until: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ConnectionFault> {
    let shared = shared.clone();
    let mut closing = shared.closing.clone();
    closing.mark_unchanged();
    let held = tokio::spawn(async move {
        tokio::select! {
            () = until => send(&shared, call).await,
            _ = closing.changed() => Err(ConnectionFault::Injected),
        }
    });
    held.await.unwrap_or(Err(ConnectionFault::Injected))
}

/// Reads to the end and takes no notice: behind what a stream lost nothing arrives either.
async fn overhear(mut read: impl AsyncRead + Unpin) -> Result<(), ConnectionFault> {
    tokio::io::copy(&mut read, &mut tokio::io::sink())
        .await
        .map_err(FrameFault::from)?;
    Ok(())
}

/// Whether its client has no way to learn that it did not arrive, and so never sends it twice.
fn is_never_repeated(request: &RequestKind) -> bool {
    matches!(request, RequestKind::Produce(produce) if produce.acks == 0)
}

async fn write_replies(mut write: OwnedWriteHalf, mut waiting: mpsc::Receiver<Due>) {
    // A stream that lost one reply brings none after it. A client that heard the later ones would
    // send more than `REMEMBERED_BATCHES` past a batch it has to repeat, and be refused for good.
    let mut mute = false;
    while let Some(due) = waiting.recv().await {
        let Ok(answer) = due.answer.await else {
            return;
        };
        match due.lost {
            Some(Lost::Connection) => return,
            Some(Lost::Reply) => mute = true,
            None => {}
        }
        let Answer::Response(response) = answer else {
            continue;
        };
        if mute {
            continue;
        }
        let Some(frame) = encoded(due.key, due.version, due.correlation, &response) else {
            return;
        };
        let stall = Duration::from_millis(STALL_MS);
        match timeout(stall, write.write_all(&frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

fn encoded(key: ApiKey, version: i16, correlation: i32, response: &ResponseKind) -> Option<Bytes> {
    match encode_reply(key, version, correlation, response) {
        Ok(frame) => Some(frame),
        Err(fault) => {
            tracing::error!(%fault, "a reply could not be written");
            None
        }
    }
}

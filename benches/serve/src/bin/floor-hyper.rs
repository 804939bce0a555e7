//! The floor: hyper on one thread, which gives any request one and the same answer. `floor-hyper FILE`
//!
//! FILE holds the answer as `serve` gave it. What `serve` takes beyond this is its own: routes,
//! tokens, guards, the credentials looked at, the audit line.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write as _;
use std::net::Ipv4Addr;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The headers that hyper writes itself, or that are about one connection.
const NOT_COPIED: [&str; 4] = ["connection", "content-length", "date", "transfer-encoding"];

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: floor-hyper FILE")?;
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads what its runner wrote")]
    let answer = recorded(&std::fs::read_to_string(file)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(answer))
}

/// Reads an answer as it was recorded.
fn recorded(text: &str) -> Result<Response<Full<Bytes>>, Box<dyn Error>> {
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer in it")?;
    let mut answer = Response::builder();
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        if !NOT_COPIED.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            answer = answer.header(name, value);
        }
    }
    Ok(answer.body(Full::from(body.to_owned()))?)
}

async fn serve(answer: Response<Full<Bytes>>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "export FLOOR_URL='http://{}/'", listener.local_addr()?)?;
    stdout.flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = answer.clone();
        let service = service_fn(move |_| {
            let answer = answer.clone();
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

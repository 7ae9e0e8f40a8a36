//! redis-rs, told what to do a line at a time: cargo run --bin remote -- HOST:PORT...; see ../README.md.

use redis::cluster::{ClusterClient, ClusterClientBuilder, ClusterConnection};
use redis::{cmd, Client, Commands, RedisResult, Value};
use std::io::{self, BufRead};
use std::sync::{Arc, Mutex};
use std::{env, thread, time::Duration};

const TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Written {
    acknowledged: Vec<usize>,
    refused: usize,
    streak: usize,
    ending: bool,
}

/// Sets keys of its own, one after the other, until it is to end.
struct Writer {
    prefix: String,
    written: Arc<Mutex<Written>>,
    thread: thread::JoinHandle<ClusterConnection>,
}

impl Writer {
    fn start(client: ClusterClient, mut connection: ClusterConnection, run: usize) -> Writer {
        let (prefix, written) = (format!("written:{run}"), Arc::new(Mutex::new(Written::default())));
        let (keys, noted) = (prefix.clone(), written.clone());
        let thread = thread::spawn(move || {
            for number in 0.. {
                let result: RedisResult<()> = connection.set(format!("{keys}:{number}"), number);
                // It asks for the nodes when it connects, and when it is redirected: not when one of them is gone.
                if result.as_ref().is_err_and(|error| error.is_connection_refusal()) {
                    connection = client.get_connection().unwrap_or(connection);
                }
                let mut noted = noted.lock().unwrap();
                if result.is_ok() {
                    noted.acknowledged.push(number);
                    noted.streak += 1;
                } else {
                    noted.refused += 1;
                    noted.streak = 0;
                }
                if noted.ending {
                    break;
                }
                drop(noted);
                thread::sleep(Duration::from_millis(2));
            }
            connection
        });
        Writer { prefix, written, thread }
    }

    fn progress(&self) -> String {
        let written = self.written.lock().unwrap();
        format!("{} {} {}", written.acknowledged.len(), written.refused, written.streak)
    }

    /// What is there of all that was acknowledged.
    fn stop(self) -> RedisResult<String> {
        self.written.lock().unwrap().ending = true;
        let mut connection = self.thread.join().unwrap();
        let written = self.written.lock().unwrap();
        let mut lost = 0;
        for number in &written.acknowledged {
            let value: Option<usize> = connection.get(format!("{}:{number}", self.prefix))?;
            lost += usize::from(value != Some(*number));
        }
        Ok(format!("{} {} {lost}", written.acknowledged.len(), written.refused))
    }
}

fn call(words: &[&str]) -> RedisResult<String> {
    let mut node = Client::open(format!("redis://{}/", words[0]))?.get_connection()?;
    let reply: Value = cmd(words[1]).arg(&words[2..]).query(&mut node)?;
    Ok(format!("{reply:?}"))
}

struct Remote {
    client: ClusterClient,
    connection: ClusterConnection,
    writer: Option<Writer>,
    runs: usize,
}

impl Remote {
    fn execute(&mut self, words: &[&str]) -> RedisResult<String> {
        match words[0] {
            "get" => self.connection.get(words[1]),
            "set" => self.connection.set(words[1], words[2]),
            "mget" => self.connection.mget::<_, Vec<String>>(&words[1..]).map(|values| values.join(" ")),
            "call" => call(&words[1..]),
            "write" => {
                self.runs += 1;
                self.writer = Some(Writer::start(self.client.clone(), self.client.get_connection()?, self.runs));
                Ok("writing".to_string())
            }
            "progress" => Ok(self.writer.as_ref().unwrap().progress()),
            "stop" => self.writer.take().unwrap().stop(),
            name => panic!("no such instruction: {name}"),
        }
    }
}

fn main() -> RedisResult<()> {
    let nodes: Vec<String> = env::args().skip(1).map(|address| format!("redis://{address}/")).collect();
    // As they come, its waits between attempts grow to minutes.
    let client = ClusterClientBuilder::new(nodes)
        .connection_timeout(TIMEOUT)
        .response_timeout(TIMEOUT)
        .retries(4)
        .min_retry_wait(20)
        .max_retry_wait(200)
        .build()?;
    let connection = client.get_connection()?;
    let mut remote = Remote { client, connection, writer: None, runs: 0 };
    println!("redis-rs");
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split('\t').collect();
        match remote.execute(&words) {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("! {:?}: {}", error.kind(), error.to_string().replace('\n', " ")),
        }
    }
    Ok(())
}

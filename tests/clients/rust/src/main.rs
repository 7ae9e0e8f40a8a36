//! redis-rs against one node of a cluster and one standalone server: cargo run -- CLUSTER STANDALONE (each host:port).

use redis::cluster::{ClusterClient, ClusterConnection};
use redis::{cmd, Client, Commands, Connection, ConnectionLike, ErrorKind, RedisError, RedisResult, ServerErrorKind};
use std::collections::HashSet;
use std::{env, thread, time::Duration, time::Instant};

const KEY_COUNT: usize = 1000;

fn kind<T>(result: RedisResult<T>) -> Option<ErrorKind> {
    result.err().map(|error: RedisError| error.kind())
}

/// What both kinds of server must do.
fn data<C: ConnectionLike>(connection: &mut C, mut another: impl Commands + Send + 'static) -> RedisResult<()> {
    for number in 0..KEY_COUNT {
        let _: () = connection.set(format!("key:{number}"), number)?;
    }
    for number in 0..KEY_COUNT {
        assert_eq!(connection.get::<_, usize>(format!("key:{number}"))?, number);
    }
    assert_eq!(connection.get::<_, Option<String>>("none")?, None);

    let _: () = connection.mset(&[("{tag}a", 1), ("{tag}b", 2)])?;
    assert_eq!(connection.mget::<_, Vec<i64>>(&["{tag}a", "{tag}b"])?, [1, 2]);
    let refused: RedisResult<()> = connection.lpush("{tag}a", "x");
    assert!(refused.unwrap_err().to_string().contains("WRONGTYPE"));

    let _: () = connection.hset_multiple("hash", &[("f1", "v1"), ("f2", "v2")])?;
    assert_eq!(connection.hget::<_, _, String>("hash", "f2")?, "v2");
    let _: () = connection.zadd_multiple("zset", &[(1.5, "a"), (2.0, "b")])?;
    let scores: Vec<(String, f64)> = connection.zrange_withscores("zset", 0, -1)?;
    assert_eq!(scores, [("a".to_string(), 1.5), ("b".to_string(), 2.0)]);

    let _: () = connection.pset_ex("brief", "x", 40)?;
    assert!(connection.pttl::<_, i64>("brief")? > 0);
    let deadline = Instant::now() + Duration::from_secs(5);
    while connection.exists("brief")? {
        assert!(Instant::now() < deadline, "expiry");
        thread::sleep(Duration::from_millis(5));
    }

    let popper = thread::spawn(move || another.blpop::<_, (String, String)>("queue", 10.0));
    thread::sleep(Duration::from_millis(20));
    let _: () = connection.rpush("queue", "job")?;
    assert_eq!(popper.join().unwrap()?, ("queue".to_string(), "job".to_string()));
    Ok(())
}

fn pipelines(connection: &mut Connection) -> RedisResult<()> {
    let (first, second): (i64, i64) = redis::pipe().atomic().incr("{tag}n", 5).incr("{tag}n", 2).query(connection)?;
    assert_eq!((first, second), (5, 7));
    let _: () = cmd("WATCH").arg("{tag}n").query(connection)?;
    let _: () = connection.set("{tag}n", 0)?;
    let aborted: Option<(i64,)> = redis::pipe().atomic().incr("{tag}n", 1).query(connection)?;
    assert_eq!(aborted, None);
    Ok(())
}

fn channels(client: &Client) -> RedisResult<()> {
    let (mut publisher, mut connection) = (client.get_connection()?, client.get_connection()?);
    let mut subscriber = connection.as_pubsub();
    subscriber.subscribe("news")?;
    subscriber.psubscribe("pat*")?;
    for channel in ["news", "pattern"] {
        let _: () = publisher.publish(channel, "hello")?;
        let message = subscriber.get_message()?;
        assert_eq!((message.get_channel_name(), message.get_payload::<String>()?), (channel, "hello".to_string()));
    }
    Ok(())
}

fn cluster(address: &str, protocol: &str) -> RedisResult<()> {
    let url = format!("redis://{address}/?protocol={protocol}");
    let client = ClusterClient::new(vec![url.clone()])?;
    let mut connection: ClusterConnection = client.get_connection()?;
    data(&mut connection, client.get_connection()?)?;

    let mut pipe = redis::cluster::cluster_pipe();
    for number in 0..KEY_COUNT {
        pipe.incr(format!("key:{number}"), 1);
    }
    assert_eq!(pipe.query::<Vec<usize>>(&mut connection)?, (1..=KEY_COUNT).collect::<Vec<_>>());

    let mut node = Client::open(url)?.get_connection()?;
    assert_eq!(kind(cmd("SUNION").arg("a").arg("b").query::<()>(&mut node)), Some(ServerErrorKind::CrossSlot.into()));
    let results: Vec<_> = (0..20).map(|number| kind(node.get::<_, usize>(format!("key:{number}")))).collect();
    let moved = results.iter().flatten().count();
    assert!(moved > 0 && moved < 20 && results.iter().flatten().all(|kind| *kind == ServerErrorKind::Moved.into()));

    // Each node is asked by itself for its keys.
    let nodes: String = cmd("CLUSTER").arg("NODES").query(&mut node)?;
    let mut found = HashSet::new();
    for line in nodes.lines() {
        let address = line.split_whitespace().nth(1).unwrap().split('@').next().unwrap();
        let mut node = Client::open(format!("redis://{address}/?protocol={protocol}"))?.get_connection()?;
        found.extend(node.scan_match::<_, String>("key:*")?.map(Result::unwrap));
        let _: () = cmd("FLUSHALL").query(&mut node)?;
    }
    assert_eq!((nodes.lines().count(), found.len()), (3, KEY_COUNT));
    Ok(())
}

fn standalone(address: &str, protocol: &str) -> RedisResult<()> {
    let client = Client::open(format!("redis://{address}/?protocol={protocol}"))?;
    let mut connection = client.get_connection()?;
    data(&mut connection, client.get_connection()?)?;
    pipelines(&mut connection)?;
    channels(&client)?;
    cmd("FLUSHALL").query(&mut connection)
}

fn main() -> RedisResult<()> {
    let addresses: Vec<String> = env::args().skip(1).collect();
    for protocol in ["resp2", "resp3"] {
        cluster(&addresses[0], protocol)?;
        standalone(&addresses[1], protocol)?;
        println!("ok redis-rs {protocol}");
    }
    Ok(())
}

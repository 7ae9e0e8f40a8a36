"""What sentinels are asked: requests by subject, one a line, with $P0, $S0, $ID0 for ports and ids.

Of one with `text` in front, an INFO, sections and fields are compared, and the values of those that can be
foreseen; of one with `shape` only types and lengths of arrays. One with `7.2` in front is compared with
Redis 7.2 alone: others have something else to say.
"""

from __future__ import annotations

ASKING = """
PING
PING hello
PING a b
SENTINEL
SENTINEL MASTERS
SENTINEL MASTERS x
SENTINEL MASTER mymaster
sentinel master mymaster
SENTINEL MASTER MYMASTER
SENTINEL MASTER nope
SENTINEL MASTER
SENTINEL MASTER mymaster x
SENTINEL REPLICAS mymaster
SENTINEL SLAVES mymaster
SENTINEL REPLICAS nope
SENTINEL SLAVES nope
SENTINEL REPLICAS
SENTINEL SLAVES a b
SENTINEL SENTINELS mymaster
SENTINEL SENTINELS nope
SENTINEL SENTINELS
SENTINEL GET-MASTER-ADDR-BY-NAME mymaster
SENTINEL GET-MASTER-ADDR-BY-NAME nope
SENTINEL GET-MASTER-ADDR-BY-NAME
SENTINEL CKQUORUM mymaster
SENTINEL CKQUORUM nope
SENTINEL CKQUORUM
SENTINEL MYID
SENTINEL MYID x
SENTINEL PENDING-SCRIPTS
SENTINEL PENDING-SCRIPTS x
SENTINEL FLUSHCONFIG
SENTINEL FLUSHCONFIG x
SENTINEL NOPE
SENTINEL NOPE a b
SENTINEL HELP x
SENTINEL SIMULATE-FAILURE
SENTINEL SIMULATE-FAILURE HELP
SENTINEL SIMULATE-FAILURE nope
SENTINEL SIMULATE-FAILURE nope HELP
SENTINEL SIMULATE-FAILURE crash-after-promotion
text INFO sentinel
SENTINEL SIMULATE-FAILURE CRASH-after-ELECTION crash-after-promotion
text INFO sentinel
SENTINEL SIMULATE-FAILURE
text INFO sentinel
SENTINEL INFO-CACHE nope
SENTINEL INFO-CACHE
shape SENTINEL INFO-CACHE mymaster
shape SENTINEL INFO-CACHE mymaster nope
SENTINEL INFO-CACHE nope neither
"""

VOTING = """
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P1 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 x 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 x *
SENTINEL IS-MASTER-DOWN-BY-ADDR localhost $P0 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR no.such.host.invalid $P0 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 0
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 0 * x
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 0 somebody
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 3 $ID1
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 3 $ID2
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 2 $ID2
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 4 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 5 $ID2
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 $P0 4 an-id-that-nobody-has
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 99999999999 0 *
SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 -5 0 *
SENTINEL MASTER mymaster
"""

MONITORING = """
SENTINEL MONITOR
SENTINEL MONITOR second 127.0.0.1 $P2
SENTINEL MONITOR second 127.0.0.1 $P2 1 x
SENTINEL MONITOR second 127.0.0.1 $P2 0
SENTINEL MONITOR second 127.0.0.1 $P2 -1
SENTINEL MONITOR second 127.0.0.1 $P2 x
SENTINEL MONITOR second 127.0.0.1 x 1
SENTINEL MONITOR second 127.0.0.1 0 1
SENTINEL MONITOR second 127.0.0.1 65536 1
SENTINEL MONITOR second 127.0.0.1 -1 1
SENTINEL MONITOR second localhost 1 1
SENTINEL MONITOR second no.such.host.invalid 1 1
SENTINEL MONITOR se?cond 127.0.0.1 1 1
SENTINEL MONITOR "" 127.0.0.1 1 1
SENTINEL MONITOR a/b 127.0.0.1 1 1
SENTINEL MONITOR mymaster 127.0.0.1 $P0 2
SENTINEL MONITOR second 127.0.0.1 1 2
SENTINEL MONITOR second 127.0.0.1 1 2
SENTINEL GET-MASTER-ADDR-BY-NAME second
SENTINEL REPLICAS second
SENTINEL SENTINELS second
SENTINEL CKQUORUM second
SENTINEL FAILOVER second
SENTINEL SET second quorum 5
SENTINEL CKQUORUM second
SENTINEL REMOVE nope
SENTINEL REMOVE
SENTINEL REMOVE second x
SENTINEL RESET sec*
SENTINEL RESET nope
SENTINEL RESET
SENTINEL RESET a b
SENTINEL REMOVE second
SENTINEL MASTER second
SENTINEL REMOVE "se?cond"
SENTINEL REMOVE ""
SENTINEL REMOVE a/b
SENTINEL MASTERS
SENTINEL FAILOVER nope
SENTINEL FAILOVER
SENTINEL FAILOVER mymaster x
"""

SETTING = """
SENTINEL SET
SENTINEL SET mymaster
SENTINEL SET mymaster quorum
SENTINEL SET nope quorum 1
SENTINEL SET mymaster nope 1
SENTINEL SET mymaster quorum x
SENTINEL SET mymaster quorum 0
SENTINEL SET mymaster quorum -1
SENTINEL SET mymaster quorum 3
SENTINEL SET mymaster QUORUM 2
SENTINEL SET mymaster down-after-milliseconds 0
SENTINEL SET mymaster down-after-milliseconds x
SENTINEL SET mymaster down-after-milliseconds 30000
SENTINEL SET mymaster down-after-period 1
SENTINEL SET mymaster failover-timeout 0
SENTINEL SET mymaster failover-timeout 12345
SENTINEL SET mymaster parallel-syncs 0
SENTINEL SET mymaster parallel-syncs -2
SENTINEL SET mymaster parallel-syncs 2
SENTINEL SET mymaster master-reboot-down-after-period -1
SENTINEL SET mymaster master-reboot-down-after-period x
SENTINEL SET mymaster master-reboot-down-after-period 0
SENTINEL SET mymaster master-reboot-down-after-period 500
SENTINEL SET mymaster notification-script /bin/true
SENTINEL SET mymaster notification-script ""
SENTINEL SET mymaster client-reconfig-script /no/such/script
SENTINEL SET mymaster client-reconfig-script ""
SENTINEL SET mymaster auth-pass secret
SENTINEL SET mymaster auth-user somebody
SENTINEL SET mymaster auth-pass ""
SENTINEL SET mymaster auth-user ""
SENTINEL SET mymaster rename-command CONFIG
SENTINEL SET mymaster rename-command CONFIG ""
SENTINEL SET mymaster rename-command "" X
SENTINEL SET mymaster rename-command CONFIG GUESSME
SENTINEL SET mymaster rename-command CONFIG CONFIG
SENTINEL SET mymaster quorum 2 parallel-syncs 1
SENTINEL SET mymaster quorum 4 nope 1
SENTINEL SET mymaster quorum 3 parallel-syncs
SENTINEL SET mymaster quorum 2 failover-timeout x
SENTINEL MASTER mymaster
SENTINEL SET mymaster quorum 2 failover-timeout 20000 down-after-milliseconds 1500
"""

CONFIGURING = """
SENTINEL CONFIG
7.2 SENTINEL CONFIG GET
7.2 SENTINEL CONFIG NOPE x
SENTINEL CONFIG GET *
SENTINEL CONFIG GET nope
SENTINEL CONFIG GET resolve-*
SENTINEL CONFIG GET RESOLVE-hostnames
SENTINEL CONFIG GET announce-port sentinel-user
SENTINEL CONFIG GET announce-* *-hostnames
SENTINEL CONFIG GET loglevel
7.2 SENTINEL CONFIG SET
7.2 SENTINEL CONFIG SET announce-ip
SENTINEL CONFIG SET nope 1
SENTINEL CONFIG SET resolve-hostnames maybe
SENTINEL CONFIG SET resolve-hostnames yes
SENTINEL CONFIG GET resolve-hostnames
SENTINEL CONFIG SET resolve-hostnames no
SENTINEL CONFIG SET announce-hostnames x
SENTINEL CONFIG SET announce-hostnames yes
SENTINEL CONFIG SET announce-hostnames no
SENTINEL CONFIG SET announce-port x
SENTINEL CONFIG SET announce-port -1
SENTINEL CONFIG SET announce-port 65536
SENTINEL CONFIG SET announce-port 0
SENTINEL CONFIG SET announce-ip nonsense
SENTINEL CONFIG SET announce-ip ""
SENTINEL CONFIG SET loglevel nope
SENTINEL CONFIG SET loglevel notice
SENTINEL CONFIG SET sentinel-user u sentinel-pass p
SENTINEL CONFIG GET sentinel-*
SENTINEL CONFIG SET sentinel-user "" sentinel-pass ""
SENTINEL CONFIG SET sentinel-user a sentinel-user b
SENTINEL CONFIG SET announce-ip "" nope 1
SENTINEL CONFIG SET announce-ip "" announce-port
SENTINEL CONFIG SET sentinel-user ""
SENTINEL CONFIG GET *
SENTINEL DEBUG
SENTINEL DEBUG nope 1
SENTINEL DEBUG info-period
SENTINEL DEBUG info-period x
SENTINEL DEBUG info-period 0
SENTINEL DEBUG info-period -5
SENTINEL DEBUG INFO-PERIOD 9000 ping-period 900
SENTINEL DEBUG info-period 9000 nope 1
SENTINEL DEBUG ask-period 990 publish-period 1990 default-down-after 29000 tilt-trigger 2100
SENTINEL DEBUG tilt-period 29000 slave-reconf-timeout 9000 min-link-reconnect-period 14000
SENTINEL DEBUG default-failover-timeout 170000 election-timeout 9000 script-max-runtime 59000
SENTINEL DEBUG script-retry-delay 29000
SENTINEL DEBUG
SENTINEL DEBUG info-period 10000 ping-period 1000 ask-period 1000 publish-period 2000
"""

OTHERS = """
ROLE
ROLE x
7.2 text INFO
text INFO sentinel
7.2 text INFO server
7.2 text INFO stats
7.2 text INFO clients
text INFO cpu
text INFO replication
text INFO keyspace
text INFO memory
text INFO persistence
7.2 text INFO everything
text INFO nope
7.2 text INFO server sentinel
GET x
SET x y
get
CONFIG GET *
DEBUG SLEEP 0
CLUSTER INFO
MULTI
EXEC
SELECT 0
FLUSHALL
EVAL "return 1" 0
SLOWLOG GET
LATENCY LATEST
MEMORY USAGE x
MONITOR
REPLICAOF NO ONE
PSYNC ? -1
WAIT 0 0
PUBLISH channel message
PUBLISH __sentinel__:hello nonsense
PUBLISH __sentinel__:hello 127.0.0.1,1,x,0,mymaster,127.0.0.1,$P0,0
PUBLISH __sentinel__:hello a b
PUBLISH +sdown forged
SPUBLISH a b
SUBSCRIBE
SUBSCRIBE a
UNSUBSCRIBE a
PSUBSCRIBE a*
PUNSUBSCRIBE a*
SSUBSCRIBE a
AUTH x
AUTH default x
AUTH nobody x
HELLO
HELLO 2
HELLO 9
ACL WHOAMI
7.2 ACL LIST
ACL CAT
7.2 ACL GETUSER default
ACL USERS
ACL NOPE
CLIENT GETNAME
CLIENT SETNAME me
CLIENT GETNAME
CLIENT ID x
CLIENT NO-EVICT on
CLIENT KILL TYPE nope
CLIENT INFO x
CLIENT NOPE
COMMAND COUNT
COMMAND COUNT x
COMMAND LIST FILTERBY PATTERN sentinel|get*
COMMAND INFO get
COMMAND DOCS get
COMMAND GETKEYS SENTINEL MASTERS
RESET
QUIT now
SHUTDOWN NOPE
SHUTDOWN SAVE NOSAVE
TIME
ECHO x
LOLWUT VERSION 9
READONLY
ASKING
OBJECT HELP
SENTINEL|MASTERS
"""

HELP = """
7.2 SENTINEL HELP
7.2 CLIENT HELP
7.2 COMMAND HELP
ACL HELP
"""

DIALOGUES = {
    "asking": ASKING,
    "voting": VOTING,
    "monitoring": MONITORING,
    "setting": SETTING,
    "configuring": CONFIGURING,
    "other commands": OTHERS,
    "help": HELP,
}


def requests(name: str) -> list[str]:
    """The lines of a dialogue."""
    return DIALOGUES[name].strip().splitlines()

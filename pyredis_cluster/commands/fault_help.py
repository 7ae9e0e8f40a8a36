"""What FAULT HELP says."""

from typing import Final

HELP: Final = """
REPLY <action> [<option> <value>]...
    Answer some requests wrongly, in part, or not at all. Actions are:
    * ERROR <message>, MOVED <address>, ASK <address>
      Do not run the request; reply with that error.
    * CUT
      Run it, send half of the reply, and close the connection.
    * SILENCE
      Run it, and send no reply, nor any more on that connection until HEAL closes it.
    * CLOSE
      Do not run it; close the connection.
    Options are:
    * COMMAND <name>
      Requests of that command, and of others that are named so.
    * KEY <pattern>, SLOT <first> <last>
      Requests with such a key.
    * TIMES <count>, PROBABILITY <probability>
      How often at most, and how probably each time.
TOPOLOGY <option> [<option>]...
    Tell clients of a cluster that is not so, in CLUSTER SLOTS, SHARDS, NODES
    and REPLICAS. Options are:
    * STALE
      As it is now, whatever happens.
    * SLOTS <first> <last> <address>
      These slots are served there.
    * WITHOUT <address>
      There is no such node.
    * NOHOSTS
      All hosts are empty.
    * TIMES <count>, PROBABILITY <probability>
      How often at most, and how probably each time.
WIRE <option> <value> [<option> <value>]...
    Have trouble with connections, until it is healed. Options are:
    * LATENCY <milliseconds>, JITTER <milliseconds>
      How late everything is; up to how much more, by chance.
    * BANDWIDTH <bytes per second>
      How much passes at most, each way.
    * HOLD <bytes>
      How much is held back until more comes.
    * ONLY (IN|OUT)
      That is for what comes in, or goes out, alone.
    * BLOCK (IN|OUT|BOTH)
      Pass nothing.
    * DROP <probability>
      Close a connection whenever something would pass, so probably.
    * KIND (CLIENT|BUS|REPLICATION|SENTINEL)
      Connections of that kind, and of others that are named so.
    * PEER <address>
      Connections that this server makes to the one at that address.
LIST
    Return the active faults.
HEAL [<id> ...]
    End these faults, or all of this node.
HEAL ALL
    End all faults and pauses of all nodes of this process.
NODE <port> <action>
    Have something befall a node that runs in this process. Actions are:
    * KILL
      End at once, with nothing saved.
    * START, RESTART
      Start again; reply when it serves.
    * PAUSE [<milliseconds>], RESUME
      Do nothing for so long, or until told.
PARTITION <port> [<port> ...] [ONEWAY]
    Let nothing pass between these nodes and all others, or not to the others.
CLOCK ADVANCE <milliseconds>
    Have time go by for all nodes of this process; reply when what happens
    within it has happened.
"""

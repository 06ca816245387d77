/** Answers of a real Apache ZooKeeper 3.8.0 (Debian 3.8.0-11), standalone, with one session that has read /a. */
export const apacheSamples = {
    srvr: `Zookeeper version: 3.8.0-\${mvngit.commit.id}, built on 2024-12-29 17:54 UTC
Latency min/avg/max: 2/10.3333/18
Received: 7
Sent: 6
Connections: 3
Outstanding: 0
Zxid: 0x2
Mode: standalone
Node count: 6
`,
    stat: `Zookeeper version: 3.8.0-\${mvngit.commit.id}, built on 2024-12-29 17:54 UTC
Clients:
 /127.0.0.1:43332[1](queued=0,recved=3,sent=3)
 /127.0.0.1:43360[0](queued=0,recved=1,sent=0)
 /127.0.0.1:43342[1](queued=0,recved=0,sent=0)

Latency min/avg/max: 2/10.3333/18
Received: 8
Sent: 7
Connections: 3
Outstanding: 0
Zxid: 0x2
Mode: standalone
Node count: 6
`,
    cons: ` /127.0.0.1:43332[1](queued=0,recved=3,sent=3,sid=0x100001365300000,lop=GETD,est=1795328003852,to=10000,lcxid=0x2,lzxid=0x2,lresp=1272351,llat=2,minlat=0,avglat=10,maxlat=18)
 /127.0.0.1:43342[1](queued=0,recved=0,sent=0)
 /127.0.0.1:43378[0](queued=0,recved=1,sent=0)

`,
    conf: `clientPort=21999
secureClientPort=-1
dataDir=/srv/zk/data/version-2
dataDirSize=67109337
dataLogDir=/srv/zk/data/version-2
dataLogSize=67109337
tickTime=2000
maxClientCnxns=0
minSessionTimeout=4000
maxSessionTimeout=40000
clientPortListenBacklog=-1
serverId=0
`,
    /** Its gauges; the order of mntr's lines is that of a hash table in Apache. */
    mntr: `zk_version\t3.8.0-\${mvngit.commit.id}, built on 2024-12-29 17:54 UTC
zk_server_state\tstandalone
zk_ephemerals_count\t0
zk_num_alive_connections\t3
zk_avg_latency\t10.3333
zk_outstanding_requests\t0
zk_znode_count\t6
zk_global_sessions\t1
zk_packets_sent\t8
zk_packets_received\t9
zk_watch_count\t1
zk_min_latency\t2
zk_max_file_descriptor_count\t20000
zk_approximate_data_size\t47
zk_open_file_descriptor_count\t47
zk_local_sessions\t0
zk_uptime\t1567
zk_max_latency\t18
`,
};

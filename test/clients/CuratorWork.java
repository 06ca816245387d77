import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;

/** Real work by Curator's recipes on the server at 127.0.0.1:PORT; the first argument names the part. */
public class CuratorWork {
    private static final long PATIENCE_MS = 30_000;
    private static String server;

    public static void main(String[] arguments) throws Exception {
        server = "127.0.0.1:" + arguments[1];
        switch (arguments[0]) {
            case "basics": basics(); break;
            case "latch": latch(); break;
            case "mutex": mutex(); break;
            case "childrenCache": childrenCache(); break;
            case "treeCache": treeCache(); break;
            case "others": others(); break;
            case "cut": cut(); break;
            default: throw new IllegalArgumentException(arguments[0]);
        }
        System.out.println("done");
        System.exit(0);
    }

    private static CuratorFramework connect() throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(server, 20_000, 10_000, new RetryNTimes(100, 100));
        client.start();
        check(client.blockUntilConnected(20, TimeUnit.SECONDS), "connected");
        return client;
    }

    private static void check(boolean condition, String what) {
        if (!condition) throw new AssertionError("not so: " + what);
    }

    private static void until(Callable<Boolean> condition, String what) throws Exception {
        long deadline = System.nanoTime() + PATIENCE_MS * 1_000_000;
        while (!condition.call()) {
            if (System.nanoTime() > deadline) throw new AssertionError("never happened: " + what);
            Thread.sleep(10);
        }
    }

    private static void basics() throws Exception {
        try (CuratorFramework client = connect()) {
            String path = client.create().creatingParentContainersIfNeeded().forPath("/basics/a", "one".getBytes());
            check(path.equals("/basics/a"), "the path comes back");
            String safe = client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/basics/e-");
            check(safe.endsWith("e-0000000001"), "a protected sequential ephemeral: " + safe);
            client.inTransaction().create().forPath("/basics/t", "t".getBytes()).and()
                .setData().withVersion(0).forPath("/basics/a", "two".getBytes()).and().commit();
            check(new String(client.getData().forPath("/basics/a")).equals("two"), "the transaction has set the data");
            try {
                client.inTransaction().delete().forPath("/basics/t").and().check().withVersion(9).forPath("/basics/a").and().commit();
                throw new AssertionError("a transaction with a wrong version has committed");
            } catch (org.apache.zookeeper.KeeperException.BadVersionException expected) {
                check(client.checkExists().forPath("/basics/t") != null, "nothing of the transaction is there");
            }
            client.delete().deletingChildrenIfNeeded().forPath("/basics");
            check(client.checkExists().forPath("/basics") == null, "all deleted");
        }
    }

    /** One leader at a time; each that leaves makes room for another, also when it leaves by losing its session. */
    private static void latch() throws Exception {
        List<CuratorFramework> clients = new ArrayList<>();
        List<LeaderLatch> latches = new ArrayList<>();
        for (int n = 0; n < 4; n++) {
            clients.add(connect());
            latches.add(new LeaderLatch(clients.get(n), "/latch", "id" + n));
            latches.get(n).start();
        }
        until(() -> latches.get(0).getParticipants().size() == 4, "four take part");
        List<Integer> order = new ArrayList<>();
        while (order.size() < 4) {
            until(() -> leaders(latches, order) == 1, "one leader");
            for (int n = 0; n < 4; n++) {
                if (order.contains(n) || !latches.get(n).hasLeadership()) continue;
                check(latches.get(n).getLeader().getId().equals("id" + n), "all name the same leader");
                order.add(n);
                // Every other one just disappears.
                if (order.size() % 2 == 0) clients.get(n).close();
                else latches.get(n).close();
            }
        }
    }

    private static int leaders(List<LeaderLatch> latches, List<Integer> gone) {
        int count = 0;
        for (int n = 0; n < latches.size(); n++) if (!gone.contains(n) && latches.get(n).hasLeadership()) count++;
        return count;
    }

    private static void mutex() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger rounds = new AtomicInteger();
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int n = 0; n < 4; n++) {
            threads.add(new Thread(() -> {
                try (CuratorFramework client = connect()) {
                    InterProcessMutex mutex = new InterProcessMutex(client, "/mutex");
                    for (int round = 0; round < 10; round++) {
                        check(mutex.acquire(PATIENCE_MS, TimeUnit.MILLISECONDS), "the mutex is given in time");
                        // It is re-entrant.
                        mutex.acquire();
                        check(inside.incrementAndGet() == 1, "one inside");
                        Thread.sleep(2);
                        inside.decrementAndGet();
                        rounds.incrementAndGet();
                        mutex.release();
                        mutex.release();
                    }
                } catch (Throwable failure) {
                    failures.add(failure);
                }
            }));
        }
        for (Thread thread : threads) thread.start();
        for (Thread thread : threads) thread.join();
        for (Throwable failure : failures) throw new AssertionError(failure);
        check(rounds.get() == 40, "40 rounds");
        try (CuratorFramework client = connect()) {
            check(client.getChildren().forPath("/mutex").isEmpty(), "nothing is left in the mutex");
            InterProcessReadWriteLock lock = new InterProcessReadWriteLock(client, "/read-write");
            lock.readLock().acquire();
            InterProcessReadWriteLock other = new InterProcessReadWriteLock(client, "/read-write");
            Thread writer = new Thread(() -> {
                try {
                    check(!other.writeLock().acquire(200, TimeUnit.MILLISECONDS), "no writer beside a reader");
                    check(other.readLock().acquire(PATIENCE_MS, TimeUnit.MILLISECONDS), "a reader beside a reader");
                    other.readLock().release();
                } catch (Throwable failure) {
                    failures.add(failure);
                }
            });
            writer.start();
            writer.join();
            lock.readLock().release();
            for (Throwable failure : failures) throw new AssertionError(failure);
        }
    }

    private static String next(BlockingQueue<String> events) throws Exception {
        String event = events.poll(PATIENCE_MS, TimeUnit.MILLISECONDS);
        if (event == null) throw new AssertionError("no event came");
        return event;
    }

    private static void expect(BlockingQueue<String> events, String expected) throws Exception {
        String event = next(events);
        check(event.equals(expected), expected + ", but " + event);
    }

    private static PathChildrenCache childrenCacheOf(CuratorFramework client, String path, BlockingQueue<String> events) throws Exception {
        PathChildrenCache cache = new PathChildrenCache(client, path, true);
        cache.getListenable().addListener((source, event) -> {
            String what = event.getType().toString();
            events.add(event.getData() == null ? what : what + " " + event.getData().getPath() + " " + new String(event.getData().getData()));
        });
        cache.start(PathChildrenCache.StartMode.POST_INITIALIZED_EVENT);
        return cache;
    }

    private static void childrenCache() throws Exception {
        try (CuratorFramework client = connect(); CuratorFramework other = connect()) {
            other.create().creatingParentsIfNeeded().forPath("/children/a", "1".getBytes());
            BlockingQueue<String> events = new LinkedBlockingQueue<>();
            try (PathChildrenCache cache = childrenCacheOf(client, "/children", events)) {
                // The connection's own event may come before, among or behind the first ones.
                List<String> first = new ArrayList<>();
                while (!first.contains("INITIALIZED")) first.add(next(events));
                check(first.contains("CHILD_ADDED /children/a 1"), "what was there: " + first);
                events.removeIf(event -> event.startsWith("CONNECTION"));
                other.create().forPath("/children/b", "2".getBytes());
                String event = next(events);
                if (event.startsWith("CONNECTION")) event = next(events);
                check(event.equals("CHILD_ADDED /children/b 2"), event);
                for (int n = 0; n < 20; n++) {
                    other.setData().forPath("/children/b", ("" + n).getBytes());
                    expect(events, "CHILD_UPDATED /children/b " + n);
                }
                other.delete().forPath("/children/a");
                expect(events, "CHILD_REMOVED /children/a 1");
                check(cache.getCurrentData().size() == 1, "one child is left");
            }
        }
    }

    /** CuratorCache watches by a persistent recursive watch. */
    private static void treeCache() throws Exception {
        try (CuratorFramework client = connect(); CuratorFramework other = connect()) {
            other.create().creatingParentsIfNeeded().forPath("/tree/a/b", "deep".getBytes());
            try (CuratorCache cache = CuratorCache.build(client, "/tree")) {
                cache.start();
                until(() -> cache.size() == 3, "three znodes cached");
                for (int n = 0; n < 50; n++) {
                    other.create().creatingParentsIfNeeded().forPath("/tree/" + n + "/x/y", ("" + n).getBytes());
                }
                until(() -> cache.size() == 153, "150 more");
                check(new String(cache.get("/tree/49/x/y").get().getData()).equals("49"), "with their data");
                other.setData().forPath("/tree/49/x/y", "changed".getBytes());
                until(() -> new String(cache.get("/tree/49/x/y").get().getData()).equals("changed"), "a change");
                for (int n = 0; n < 50; n++) other.delete().deletingChildrenIfNeeded().forPath("/tree/" + n);
                until(() -> cache.size() == 3, "all deleted again");
            }
        }
    }

    private static void others() throws Exception {
        try (CuratorFramework client = connect(); CuratorFramework other = connect()) {
            DistributedAtomicLong counter = new DistributedAtomicLong(client, "/counter", new RetryOneTime(10));
            DistributedAtomicLong sameCounter = new DistributedAtomicLong(other, "/counter", new RetryOneTime(10));
            for (int n = 0; n < 20; n++) {
                check(counter.increment().succeeded(), "counted");
                check(sameCounter.increment().succeeded(), "counted by the other");
            }
            check(counter.get().postValue() == 40, "40 counted");

            SimpleDistributedQueue queue = new SimpleDistributedQueue(client, "/queue");
            SimpleDistributedQueue sameQueue = new SimpleDistributedQueue(other, "/queue");
            for (int n = 0; n < 10; n++) queue.offer(new byte[] {(byte) n});
            for (int n = 0; n < 10; n++) check(sameQueue.take()[0] == n, "in their order");

            CountDownLatch left = new CountDownLatch(2);
            for (CuratorFramework member : List.of(client, other)) {
                new Thread(() -> {
                    try {
                        DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(member, "/barrier", 2);
                        check(barrier.enter(PATIENCE_MS, TimeUnit.MILLISECONDS), "both have entered");
                        check(barrier.leave(PATIENCE_MS, TimeUnit.MILLISECONDS), "both have left");
                        left.countDown();
                    } catch (Exception failure) {
                        failure.printStackTrace();
                    }
                }).start();
            }
            check(left.await(PATIENCE_MS, TimeUnit.MILLISECONDS), "through the double barrier");

            PersistentNode node = new PersistentNode(client, CreateMode.EPHEMERAL, false, "/persistent", "mine".getBytes());
            node.start();
            check(node.waitForInitialCreate(PATIENCE_MS, TimeUnit.MILLISECONDS), "made");
            other.delete().forPath("/persistent");
            until(() -> other.checkExists().forPath("/persistent") != null, "made again when it was deleted");
            node.close();
            until(() -> other.checkExists().forPath("/persistent") == null, "gone when it is closed");

            PersistentTtlNode kept = new PersistentTtlNode(client, "/kept", 60_000, "alive".getBytes());
            kept.start();
            check(kept.waitForInitialCreate(PATIENCE_MS, TimeUnit.MILLISECONDS), "a node that is kept alive by touches");
            kept.close();
        }
    }

    /** The connection is cut from outside when "cut me" is printed: the session and all that depends on it live on. */
    private static void cut() throws Exception {
        try (CuratorFramework client = connect(); CuratorFramework other = connect()) {
            BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
            client.getConnectionStateListenable().addListener((source, state) -> states.add(state));
            other.create().forPath("/cut-children", new byte[0]);
            LeaderLatch latch = new LeaderLatch(client, "/cut-latch", "only");
            latch.start();
            check(latch.await(PATIENCE_MS, TimeUnit.MILLISECONDS), "leads");
            InterProcessMutex mutex = new InterProcessMutex(client, "/cut-mutex");
            mutex.acquire();
            PersistentNode node = new PersistentNode(client, CreateMode.EPHEMERAL, false, "/cut-node", "mine".getBytes());
            node.start();
            check(node.waitForInitialCreate(PATIENCE_MS, TimeUnit.MILLISECONDS), "the node");
            BlockingQueue<String> events = new LinkedBlockingQueue<>();
            try (PathChildrenCache children = childrenCacheOf(client, "/cut-children", events); CuratorCache tree = CuratorCache.build(client, "/cut-children")) {
                tree.start();
                while (!next(events).equals("INITIALIZED")) continue;
                until(() -> tree.size() == 1, "the tree cached");
                long session = client.getZookeeperClient().getZooKeeper().getSessionId();
                states.clear();
                System.out.println("cut me");
                check(states.poll(PATIENCE_MS, TimeUnit.MILLISECONDS) == ConnectionState.SUSPENDED, "suspended");
                check(states.poll(PATIENCE_MS, TimeUnit.MILLISECONDS) == ConnectionState.RECONNECTED, "connected again");
                check(client.getZookeeperClient().getZooKeeper().getSessionId() == session, "the same session");
                check(other.checkExists().forPath("/cut-node").getEphemeralOwner() == session, "the ephemeral is still there");
                until(latch::hasLeadership, "it leads, still or again");
                mutex.release();
                InterProcessMutex othersMutex = new InterProcessMutex(other, "/cut-mutex");
                check(othersMutex.acquire(PATIENCE_MS, TimeUnit.MILLISECONDS), "the mutex was held and is free now");
                othersMutex.release();
                other.create().forPath("/cut-children/after", "x".getBytes());
                until(() -> children.getCurrentData("/cut-children/after") != null, "the children are still watched");
                until(() -> tree.get("/cut-children/after").isPresent(), "the tree is still watched");
            }
            node.close();
            latch.close();
        }
    }
}

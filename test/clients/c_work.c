/* Real work by Apache's C client (libzookeeper_mt) on the server at 127.0.0.1:PORT; the first argument names the part. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define PATIENCE_MS 30000
#define EVENTS_MAX 1000

static char server[64];

#define CHECK(condition) check((condition), #condition, __LINE__)
#define OK(call) expect((call), ZOK, #call, __LINE__)
#define FAILS(error, call) expect((call), (error), #call, __LINE__)

static void check(int condition, const char *text, int line) {
  if (condition) return;
  printf("line %d: not so: %s\n", line, text);
  exit(1);
}

static void expect(int code, int expected, const char *text, int line) {
  if (code == expected) return;
  printf("line %d: %s gave %s (%d), not %s\n", line, text, zerror(code), code, zerror(expected));
  exit(1);
}

/* What watchers were told, in its order; session events apart. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char events[EVENTS_MAX][128];
static int event_count = 0;
static int connections = 0;
static int disconnections = 0;

static void watcher(zhandle_t *handle, int type, int state, const char *path, void *context) {
  (void)handle;
  pthread_mutex_lock(&lock);
  if (type == ZOO_SESSION_EVENT) {
    if (state == ZOO_CONNECTED_STATE) connections++;
    if (state == ZOO_CONNECTING_STATE) disconnections++;
  } else if (event_count < EVENTS_MAX) {
    snprintf(events[event_count++], sizeof events[0], "%s%d %s", context ? (const char *)context : "", type, path);
  }
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

/* Waits until the counter has come that far. */
static void wait_for(int *counter, int value, const char *what) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += PATIENCE_MS / 1000;
  pthread_mutex_lock(&lock);
  while (*counter < value) {
    if (pthread_cond_timedwait(&changed, &lock, &deadline) == ETIMEDOUT) {
      printf("never happened: %s\n", what);
      for (int n = 0; n < event_count; n++) printf("event %s\n", events[n]);
      exit(1);
    }
  }
  pthread_mutex_unlock(&lock);
}

static void expect_event(int number, const char *text) {
  wait_for(&event_count, number + 1, text);
  if (strcmp(events[number], text) == 0) return;
  printf("event %d is %s, not %s\n", number, events[number], text);
  exit(1);
}

static zhandle_t *connect_client(void) {
  int before = connections;
  zhandle_t *handle = zookeeper_init(server, watcher, 20000, NULL, NULL, 0);
  CHECK(handle != NULL);
  wait_for(&connections, before + 1, "connected");
  return handle;
}

static void basics(void) {
  zhandle_t *zh = connect_client();
  char path[128], data[1024];
  struct Stat stat;
  int length = sizeof data;
  OK(zoo_create(zh, "/c", "one", 3, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path, sizeof path));
  CHECK(strcmp(path, "/c") == 0);
  OK(zoo_get(zh, "/c", 0, data, &length, &stat));
  CHECK(length == 3 && memcmp(data, "one", 3) == 0 && stat.version == 0 && stat.dataLength == 3);
  OK(zoo_create2(zh, "/c/s-", "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL, path, sizeof path, &stat));
  CHECK(strcmp(path, "/c/s-0000000000") == 0);
  CHECK(stat.ephemeralOwner == zoo_client_id(zh)->client_id && stat.numChildren == 0);
  OK(zoo_create2(zh, "/c/container", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, path, sizeof path, &stat));
  OK(zoo_create2_ttl(zh, "/c/ttl", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 60000, path, sizeof path, &stat));
  CHECK(stat.ephemeralOwner == 0);
  length = sizeof data;
  OK(zoo_get(zh, "/c/ttl", 0, data, &length, &stat));
  CHECK(length == -1);
  OK(zoo_set2(zh, "/c", "two", 3, 0, &stat));
  CHECK(stat.version == 1);
  FAILS(ZBADVERSION, zoo_set(zh, "/c", "three", 5, 0));
  FAILS(ZNODEEXISTS, zoo_create(zh, "/c", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path));
  FAILS(ZNONODE, zoo_exists(zh, "/missing", 0, &stat));
  FAILS(ZNOTEMPTY, zoo_delete(zh, "/c", -1));
  FAILS(ZNOCHILDRENFOREPHEMERALS, zoo_create(zh, "/c/s-0000000000/x", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path));
  struct String_vector names;
  OK(zoo_get_children2(zh, "/c", 0, &names, &stat));
  CHECK(names.count == 3 && stat.numChildren == 3);
  deallocate_String_vector(&names);
  for (int n = 0; n < 500; n++) {
    char large[1000];
    memset(large, 'a' + n % 26, sizeof large);
    OK(zoo_set2(zh, "/c", large, sizeof large, n + 1, &stat));
    length = sizeof data;
    OK(zoo_get(zh, "/c", 0, data, &length, &stat));
    CHECK(length == sizeof large && memcmp(data, large, sizeof large) == 0 && stat.version == n + 2);
  }
  OK(zoo_delete(zh, "/c/container", -1));
  OK(zoo_delete(zh, "/c/ttl", 0));
  OK(zookeeper_close(zh));
  /* The session has ended, and its ephemeral with it. */
  zh = connect_client();
  OK(zoo_delete(zh, "/c", -1));
  OK(zookeeper_close(zh));
}

static void watches(void) {
  zhandle_t *zh = connect_client(), *other = connect_client();
  struct Stat stat;
  char data[64];
  int length = sizeof data;
  struct String_vector names;
  FAILS(ZNONODE, zoo_wexists(zh, "/w", watcher, "exists ", &stat));
  OK(zoo_create(other, "/w", "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0));
  expect_event(0, "exists 1 /w");
  OK(zoo_wget(zh, "/w", watcher, "get ", data, &length, &stat));
  OK(zoo_set(other, "/w", "2", 1, -1));
  expect_event(1, "get 3 /w");
  OK(zoo_wget_children(zh, "/w", watcher, "children ", &names));
  deallocate_String_vector(&names);
  OK(zoo_create(other, "/w/a", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0));
  expect_event(2, "children 4 /w");
  length = sizeof data;
  OK(zoo_wget(zh, "/w/a", watcher, "get ", data, &length, &stat));
  OK(zoo_delete(other, "/w/a", -1));
  expect_event(3, "get 2 /w/a");
  /* A watch that is taken away does not fire. */
  length = sizeof data;
  OK(zoo_wget(zh, "/w", watcher, "removed ", data, &length, &stat));
  OK(zoo_remove_watches(zh, "/w", ZWATCHTYPE_DATA, watcher, "removed ", 0));
  FAILS(ZNOWATCHER, zoo_remove_watches(zh, "/w", ZWATCHTYPE_DATA, watcher, "removed ", 0));
  OK(zoo_set(other, "/w", "3", 1, -1));
  length = sizeof data;
  OK(zoo_wget(zh, "/w", watcher, "last ", data, &length, &stat));
  OK(zoo_delete(other, "/w", -1));
  wait_for(&event_count, 5, "the last event");
  int last = event_count - 1;
  while (last > 0 && strncmp(events[last], "last ", 5) != 0) last--;
  CHECK(strcmp(events[last], "last 2 /w") == 0);
  for (int n = 0; n < event_count; n++) CHECK(strncmp(events[n], "removed 3", 9) != 0);
  OK(zookeeper_close(zh));
  OK(zookeeper_close(other));
}

static void multis(void) {
  zhandle_t *zh = connect_client();
  struct Stat stat;
  char path[64], sequential[64];
  zoo_op_t ops[5];
  zoo_op_result_t results[5];
  zoo_create_op_init(&ops[0], "/m", "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
  zoo_create_op_init(&ops[1], "/m/s-", "2", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, sequential, sizeof sequential);
  zoo_check_op_init(&ops[2], "/m", 0);
  zoo_set_op_init(&ops[3], "/m", "changed", 7, 0, &stat);
  zoo_delete_op_init(&ops[4], "/m/s-0000000000", 0);
  OK(zoo_multi(zh, 5, ops, results));
  for (int n = 0; n < 5; n++) CHECK(results[n].err == ZOK);
  CHECK(strcmp(path, "/m") == 0 && strcmp(sequential, "/m/s-0000000000") == 0);
  CHECK(stat.version == 1 && stat.dataLength == 7);
  zoo_create_op_init(&ops[0], "/m/a", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
  zoo_check_op_init(&ops[1], "/m", 9);
  zoo_delete_op_init(&ops[2], "/m", -1);
  FAILS(ZBADVERSION, zoo_multi(zh, 3, ops, results));
  CHECK(results[0].err == ZOK && results[1].err == ZBADVERSION && results[2].err == ZRUNTIMEINCONSISTENCY);
  FAILS(ZNONODE, zoo_exists(zh, "/m/a", 0, &stat));
  OK(zookeeper_close(zh));
}

static pthread_mutex_t auth_lock = PTHREAD_MUTEX_INITIALIZER;

static void authenticated(int code, const void *context) {
  CHECK(code == ZOK);
  pthread_mutex_unlock((pthread_mutex_t *)context);
}

static void acls(void) {
  zhandle_t *zh = connect_client(), *other = connect_client();
  struct Stat stat;
  struct ACL_vector acl;
  char data[64];
  int length = sizeof data;
  pthread_mutex_lock(&auth_lock);
  OK(zoo_add_auth(zh, "digest", "user:pass", 9, authenticated, &auth_lock));
  pthread_mutex_lock(&auth_lock);
  OK(zoo_create(zh, "/acl", "secret", 6, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0));
  FAILS(ZNOAUTH, zoo_get(other, "/acl", 0, data, &length, &stat));
  FAILS(ZNOAUTH, zoo_set(other, "/acl", "x", 1, -1));
  OK(zoo_get_acl(zh, "/acl", &acl, &stat));
  CHECK(acl.count == 1 && strcmp(acl.data[0].id.id, "user:smGaoVKd/cQkjm7b88GyorAUz20=") == 0);
  deallocate_ACL_vector(&acl);
  OK(zoo_set_acl(zh, "/acl", 0, &ZOO_READ_ACL_UNSAFE));
  length = sizeof data;
  OK(zoo_get(other, "/acl", 0, data, &length, &stat));
  CHECK(length == 6 && stat.aversion == 1);
  FAILS(ZINVALIDACL, zoo_create(other, "/bad", NULL, -1, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0));
  OK(zookeeper_close(zh));
  OK(zookeeper_close(other));
}

/* The connection is cut from outside when "cut me" is printed. */
static void cut(void) {
  zhandle_t *zh = connect_client();
  struct Stat stat;
  char data[64];
  int length = sizeof data;
  OK(zoo_create(zh, "/cut", "1", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0));
  OK(zoo_wget(zh, "/cut", watcher, "get ", data, &length, &stat));
  FAILS(ZNONODE, zoo_wexists(zh, "/cut-later", watcher, "exists ", &stat));
  int64_t session = zoo_client_id(zh)->client_id;
  int before = connections;
  disconnections = 0;
  printf("cut me\n");
  fflush(stdout);
  wait_for(&disconnections, 1, "the connection broken");
  wait_for(&connections, before + 1, "connected again");
  CHECK(zoo_client_id(zh)->client_id == session);
  OK(zoo_exists(zh, "/cut", 0, &stat));
  CHECK(stat.ephemeralOwner == session);
  CHECK(event_count == 0);
  OK(zoo_set(zh, "/cut", "2", 1, 0));
  expect_event(0, "get 3 /cut");
  OK(zoo_create(zh, "/cut-later", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0));
  expect_event(1, "exists 1 /cut-later");
  OK(zookeeper_close(zh));
}

int main(int count, char **arguments) {
  static const struct {
    const char *name;
    void (*work)(void);
  } parts[] = {{"basics", basics}, {"watches", watches}, {"multis", multis}, {"acls", acls}, {"cut", cut}};
  CHECK(count == 3);
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  snprintf(server, sizeof server, "127.0.0.1:%s", arguments[2]);
  for (size_t n = 0; n < sizeof parts / sizeof parts[0]; n++) {
    if (strcmp(parts[n].name, arguments[1]) != 0) continue;
    parts[n].work();
    printf("done\n");
    return 0;
  }
  printf("no part %s\n", arguments[1]);
  return 2;
}

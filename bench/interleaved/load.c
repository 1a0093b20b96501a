// load CONNECTIONS SIZE DEPTH SLICE_MS ROUNDS (PID ADDRESS)...: echo load on several servers in turn, for interleaved.py.
//
// All connections stay open; in each round every server has one slice of load, in random order. Each slice prints "SERVER NS RATE": the CPU
// time of the server's threads per request in nanoseconds, from /proc/PID/task/*/schedstat, and requests per second. A slice ends when every answer
// is here, so a server's time is all of its own slice. ADDRESS is 127.0.0.1:PORT or unix:PATH. Exit 1 when an answer does not come back.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP_ROUNDS = 3, EVENTS = 512, SETTLE_US = 1000 };

struct connection { int fd, received; };
struct server { int pid, epoll; struct connection *connections; };

static char sent[1 << 20], received[1 << 16];

static void fail(const char *what) { perror(what); exit(1); }

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long cpu_time(int pid) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (!tasks) fail(path);
  long long total = 0;
  for (struct dirent *task; (task = readdir(tasks));) {
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task->d_name);
    FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
    long long one = 0;
    if (file && fscanf(file, "%lld", &one) == 1) total += one;
    if (file) fclose(file);
  }
  closedir(tasks);
  return total;
}

static int open_connection(const char *address) {
  if (!strncmp(address, "unix:", 5)) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, address + 5, sizeof to.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (void *)&to, sizeof to)) fail("connect");
    return fd;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(strrchr(address, ':') + 1)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (void *)&to, sizeof to)) fail("connect");
  return fd;
}

static void send_to(struct connection *c, int bytes) {
  c->received = 0;
  if (send(c->fd, sent, bytes, MSG_NOSIGNAL) != bytes) fail("send");
}

static void slice(struct server *s, int number, int connections, int bytes, int depth, int milliseconds, int print) {
  long long cpu = cpu_time(s->pid), began = now(), end = began + milliseconds * 1000000LL, requests = 0;
  for (int i = 0; i < connections; i++) send_to(&s->connections[i], bytes);
  for (int busy = connections; busy > 0;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(s->epoll, events, EVENTS, -1), over = now() >= end;
    for (int i = 0; i < count; i++) {
      struct connection *c = events[i].data.ptr;
      ssize_t got = recv(c->fd, received, sizeof received, MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) fail("an answer is lost");
      c->received += got;
      if (c->received < bytes) continue;
      requests += depth;
      if (over) busy--; else send_to(c, bytes);
    }
  }
  long long took = now() - began;
  usleep(SETTLE_US); // the server's thread is asleep again, and its time is written down
  cpu = cpu_time(s->pid) - cpu;
  if (print) printf("%d %.1f %.0f\n", number, (double)cpu / requests, requests * 1e9 / took);
}

int main(int argc, char **argv) {
  if (argc < 8) { fprintf(stderr, "usage: see the head of load.c\n"); return 2; }
  int connections = atoi(argv[1]), depth = atoi(argv[3]), bytes = atoi(argv[2]) * depth, milliseconds = atoi(argv[4]), rounds = atoi(argv[5]);
  int count = (argc - 6) / 2, order[count];
  struct server servers[count];
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (bytes < 1 || bytes > (int)sizeof sent) { fprintf(stderr, "SIZE times DEPTH is at most %zu\n", sizeof sent); return 2; }
  memset(sent, 'x', bytes);
  for (int s = 0; s < count; s++) {
    order[s] = s;
    servers[s] = (struct server){atoi(argv[6 + 2 * s]), epoll_create1(0), calloc(connections, sizeof(struct connection))};
    for (int i = 0; i < connections; i++) {
      struct connection *c = &servers[s].connections[i];
      struct epoll_event event = {EPOLLIN, {.ptr = c}};
      c->fd = open_connection(argv[7 + 2 * s]);
      epoll_ctl(servers[s].epoll, EPOLL_CTL_ADD, c->fd, &event);
    }
  }
  for (int round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (int i = count - 1; i > 0; i--) { int j = rand() % (i + 1), o = order[i]; order[i] = order[j]; order[j] = o; }
    for (int i = 0; i < count; i++) slice(&servers[order[i]], order[i], connections, bytes, depth, milliseconds, round >= 0);
  }
  return 0;
}

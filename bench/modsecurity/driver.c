/* Drives libmodsecurity 3 in process, for `cargo xtask bench filter`.
 *
 *     driver RULES... < commands
 *
 * The last argument is the file of requests (its format is that of xtask/src/bench/filter/requests.rs). It answers
 * `ready` once rules are loaded; each command is `KIND COUNT`, answered with `have`: after `go` that many requests of
 * the kind are put through all phases, going on in the file where the last command stopped, and `done BLOCKED` is the
 * answer.
 */
#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_HEADERS 32
#define MOST_KINDS 16

struct request {
    char kind[32], method[16];
    char *uri;
    char *names[MOST_HEADERS], *values[MOST_HEADERS];
    int headers;
    unsigned char *body;
    size_t length;
};

static struct request *requests;
static size_t request_count;
static ModSecurity *engine;
static RulesSet *rules;

static void die(const char *what) {
    fprintf(stderr, "driver: %s\n", what);
    exit(1);
}

static void *grown(void *old, size_t size) {
    void *fresh = realloc(old, size);
    if (!fresh) die("out of memory");
    return fresh;
}

static char *copied(const char *text) {
    return strcpy(grown(NULL, strlen(text) + 1), text);
}

static void read_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    static char line[65536], uri[65536];
    if (!file) die("cannot open the requests");
    while (fgets(line, sizeof line, file)) {
        struct request one;
        memset(&one, 0, sizeof one);
        if (sscanf(line, "%31s %15s %65535s %d %zu", one.kind, one.method, uri, &one.headers, &one.length) != 5
            || one.headers > MOST_HEADERS)
            die("bad request line");
        one.uri = copied(uri);
        for (int at = 0; at < one.headers; at++) {
            if (!fgets(line, sizeof line, file)) die("a header is missing");
            line[strcspn(line, "\n")] = 0;
            char *colon = strstr(line, ": ");
            if (!colon) die("bad header");
            *colon = 0;
            one.names[at] = copied(line);
            one.values[at] = copied(colon + 2);
        }
        one.body = grown(NULL, one.length + 1);
        if (fread(one.body, 1, one.length, file) != one.length || fgetc(file) != '\n') die("bad body");
        requests = grown(requests, (request_count + 1) * sizeof *requests);
        requests[request_count++] = one;
    }
    fclose(file);
}

/* Matches are not written anywhere. */
static void no_log(void *unused, const void *message) {
    (void)unused;
    (void)message;
}

/* Callgrind counts what happens in here. */
__attribute__((noinline)) int measured_request(const struct request *one) {
    ModSecurityIntervention verdict = {200, 0, NULL, NULL, 0};
    Transaction *transaction = msc_new_transaction(engine, rules, NULL);
    msc_process_connection(transaction, "192.0.2.7", 40000, "198.51.100.1", 443);
    msc_process_uri(transaction, one->uri, one->method, "1.1");
    for (int at = 0; at < one->headers; at++)
        msc_add_request_header(transaction, (const unsigned char *)one->names[at],
                               (const unsigned char *)one->values[at]);
    msc_process_request_headers(transaction);
    int blocked = msc_intervention(transaction, &verdict);
    if (one->length) msc_append_request_body(transaction, one->body, one->length);
    msc_process_request_body(transaction);
    blocked |= msc_intervention(transaction, &verdict);
    msc_add_response_header(transaction, (const unsigned char *)"Content-Type",
                            (const unsigned char *)"application/octet-stream");
    msc_process_response_headers(transaction, 200, "HTTP/1.1");
    msc_process_response_body(transaction);
    blocked |= msc_intervention(transaction, &verdict);
    msc_process_logging(transaction);
    msc_transaction_cleanup(transaction);
    return blocked != 0;
}

static int run(const char *kind, long count) {
    static char kinds[MOST_KINDS][32];
    static size_t places[MOST_KINDS];
    int slot = 0, blocked = 0;
    while (slot < MOST_KINDS - 1 && kinds[slot][0] && strcmp(kinds[slot], kind)) slot++;
    memcpy(kinds[slot], kind, sizeof kinds[slot]);
    for (size_t idle = 0; count > 0 && idle <= request_count; idle++) {
        const struct request *one = &requests[places[slot]++ % request_count];
        if (strcmp(one->kind, kind)) continue;
        blocked += measured_request(one);
        idle = 0;
        count--;
    }
    return blocked;
}

int main(int count, char **arguments) {
    const char *error = NULL;
    char kind[32];
    long times;
    if (count < 3) die("usage: driver RULES... REQUESTS");
    engine = msc_init();
    msc_set_log_cb(engine, no_log);
    rules = msc_create_rules_set();
    for (int at = 1; at < count - 1; at++)
        if (msc_rules_add_file(rules, arguments[at], &error) < 0) die(error ? error : "rules do not load");
    read_requests(arguments[count - 1]);
    puts("ready");
    fflush(stdout);
    while (scanf("%31s %ld", kind, &times) == 2) {
        puts("have");
        fflush(stdout);
        if (scanf(" go") == EOF) break;
        printf("done %d\n", run(kind, times));
        fflush(stdout);
    }
    msc_rules_cleanup(rules);
    msc_cleanup(engine);
    return 0;
}

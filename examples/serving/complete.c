/* Completes lines of text with an exported model and TensorFlow's C library: no server, no Python at run time.

   The library and its headers are in TensorFlow's Python package:

   TF=$(python -c 'import importlib.util as i; print(i.find_spec("tensorflow").submodule_search_locations[0])')
   gcc -O2 -Wall -Wextra -I"$TF/include" complete.c -o complete \
       -L"$TF" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,"$TF"

   ./complete EXPORT/VERSION SEED TEMPERATURE < lines.txt

   Line i, counted from 0, is drawn with the seed [SEED, i]. Errors of lines go to stderr, and the exit code is then 1.
   So do TensorFlow's own messages, unless the environment has TF_CPP_MIN_LOG_LEVEL=3. */

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

static void die(const char *what, const char *why) {
  fprintf(stderr, "complete: %s: %s\n", what, why);
  exit(1);
}

static void check(const TF_Status *status, const char *what) {
  if (TF_GetCode(status) != TF_OK) die(what, TF_Message(status));
}

/* The names of a signature's tensors differ from export to export. They are in the model's description, a protocol
   buffer. Two parts of this format are needed: fields that have a length, and maps from strings. */
typedef struct {
  const unsigned char *at, *end;
} Message;

static uint64_t varint(Message *message) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && message->at < message->end; shift += 7) {
    unsigned char byte = *message->at++;
    value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) break;
  }
  return value;
}

/* Finds the next field with a number and moves past it; 0 if there is none. */
static int next_field(Message *message, uint64_t number, Message *found) {
  while (message->at < message->end) {
    uint64_t tag = varint(message), size = 0;
    switch (tag & 7) {
      case 0: varint(message); continue;
      case 1: size = 8; break;
      case 2: size = varint(message); break;
      case 5: size = 4; break;
      default: return 0;
    }
    if (size > (uint64_t)(message->end - message->at)) return 0;
    *found = (Message){message->at, message->at + size};
    message->at += size;
    if (tag == (number << 3 | 2)) return 1;
  }
  return 0;
}

/* Finds the value of a key in a map, a repeated field with a number: in each pair, field 1 is the key, 2 the value. */
static int value_of(Message message, uint64_t number, const char *key, Message *found) {
  Message pair, name;
  while (next_field(&message, number, &pair)) {
    Message fields = pair;
    if (!next_field(&fields, 1, &name) || (size_t)(name.end - name.at) != strlen(key)) continue;
    if (memcmp(name.at, key, strlen(key)) == 0) return next_field(&pair, 2, found);
  }
  return 0;
}

enum { SIGNATURES = 5, INPUTS = 1, OUTPUTS = 2, TENSOR_NAME = 1 }; /* field numbers */

static TF_Output tensor_of(TF_Graph *graph, Message signature, int side, const char *key) {
  Message info, name;
  int is_there = value_of(signature, side, key, &info) && next_field(&info, TENSOR_NAME, &name);
  if (!is_there) die(key, "not in the signature");
  char *operation = strndup((const char *)name.at, name.end - name.at); /* as in "complete_text:0" */
  char *colon = strchr(operation, ':');
  if (colon) *colon = 0;
  TF_Output tensor = {TF_GraphOperationByName(graph, operation), colon ? atoi(colon + 1) : 0};
  if (!tensor.oper) die(operation, "not in the graph");
  free(operation);
  return tensor;
}

/* Reads lines without their line ends; returns their number. */
static int64_t read_lines(char ***lines) {
  int64_t count = 0, room = 0;
  char *line = NULL;
  size_t size = 0;
  for (*lines = NULL; getline(&line, &size, stdin) >= 0; line = NULL, size = 0) {
    if (count == room) *lines = realloc(*lines, (room = 2 * room + 8) * sizeof(char *));
    if (!*lines) die("stdin", "out of memory");
    line[strcspn(line, "\n")] = 0;
    (*lines)[count++] = line;
  }
  free(line);
  return count;
}

int main(int argc, char **argv) {
  if (argc != 4) die("usage", "complete EXPORT/VERSION SEED TEMPERATURE < lines of text");
  char *end_of_seed, *end_of_temperature;
  long seed = strtol(argv[2], &end_of_seed, 10);
  float temperature = strtof(argv[3], &end_of_temperature);
  if (end_of_seed == argv[2] || *end_of_seed || seed < 0 || seed > INT32_MAX) die(argv[2], "not a seed");
  if (end_of_temperature == argv[3] || *end_of_temperature) die(argv[3], "not a temperature");

  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  TF_Buffer *description = TF_NewBuffer();
  const char *tag = "serve";
  TF_Session *session = TF_LoadSessionFromSavedModel(options, NULL, argv[1], &tag, 1, graph, description, status);
  check(status, argv[1]);

  Message signature, model = {description->data, (const unsigned char *)description->data + description->length};
  if (!value_of(model, SIGNATURES, "complete", &signature)) die(argv[1], "the model has no signature `complete`");
  TF_Output inputs[3] = {tensor_of(graph, signature, INPUTS, "text"), tensor_of(graph, signature, INPUTS, "seed"),
                         tensor_of(graph, signature, INPUTS, "temperature")};
  TF_Output outputs[2] = {tensor_of(graph, signature, OUTPUTS, "text"), tensor_of(graph, signature, OUTPUTS, "error")};

  char **lines;
  int64_t rows = read_lines(&lines), pairs[2] = {rows, 2};
  TF_Tensor *given[3] = {TF_AllocateTensor(TF_STRING, &rows, 1, rows * sizeof(TF_TString)),
                         TF_AllocateTensor(TF_INT32, pairs, 2, rows * 2 * sizeof(int32_t)),
                         TF_AllocateTensor(TF_FLOAT, &rows, 1, rows * sizeof(float))};
  TF_TString *texts = TF_TensorData(given[0]);
  for (int64_t i = 0; i < rows; i++) {
    TF_StringInit(&texts[i]);
    TF_StringCopy(&texts[i], lines[i], strlen(lines[i]));
    ((int32_t *)TF_TensorData(given[1]))[2 * i] = (int32_t)seed;
    ((int32_t *)TF_TensorData(given[1]))[2 * i + 1] = (int32_t)i;
    ((float *)TF_TensorData(given[2]))[i] = temperature;
  }

  TF_Tensor *answer[2] = {NULL, NULL};
  TF_SessionRun(session, NULL, inputs, given, 3, outputs, answer, 2, NULL, 0, NULL, status);
  check(status, "run");
  const TF_TString *completed = TF_TensorData(answer[0]), *errors = TF_TensorData(answer[1]);
  int code = 0;
  for (int64_t i = 0; i < rows; i++) {
    int is_wrong = TF_StringGetSize(&errors[i]) > 0;
    const TF_TString *shown = is_wrong ? &errors[i] : &completed[i];
    if (is_wrong) fprintf(stderr, "complete: %s: ", lines[i]);
    fprintf(is_wrong ? stderr : stdout, "%.*s\n", (int)TF_StringGetSize(shown), TF_StringGetDataPointer(shown));
    code |= is_wrong;
  }

  for (int64_t i = 0; i < rows; i++) {
    TF_StringDealloc(&texts[i]); /* those of an answer belong to TensorFlow */
    free(lines[i]);
  }
  free(lines);
  for (int i = 0; i < 3; i++) TF_DeleteTensor(given[i]);
  for (int i = 0; i < 2; i++) TF_DeleteTensor(answer[i]);
  TF_CloseSession(session, status);
  check(status, "close");
  TF_DeleteSession(session, status);
  check(status, "close");
  TF_DeleteBuffer(description);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return code;
}

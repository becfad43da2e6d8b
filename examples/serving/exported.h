/* What the C examples share: an exported model in a session, its signatures, and lines of text as tensors.

   A program defines PROGRAM, its name in messages, before it includes this file. */

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

static void die(const char *what, const char *why) {
  fprintf(stderr, "%s: %s: %s\n", PROGRAM, what, why);
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

/* A tensor of strings [rows] and its values. */
static TF_Tensor *string_tensor(char **lines, int64_t rows) {
  TF_Tensor *tensor = TF_AllocateTensor(TF_STRING, &rows, 1, rows * sizeof(TF_TString));
  TF_TString *texts = TF_TensorData(tensor);
  for (int64_t i = 0; i < rows; i++) {
    TF_StringInit(&texts[i]);
    TF_StringCopy(&texts[i], lines[i], strlen(lines[i]));
  }
  return tensor;
}

/* An exported model that has been read, and one of its signatures. */
typedef struct {
  TF_Status *status;
  TF_Graph *graph;
  TF_SessionOptions *options;
  TF_Buffer *description;
  TF_Session *session;
  Message signature;
} Model;

static Model load(const char *path, const char *name) {
  Model model = {TF_NewStatus(), TF_NewGraph(), TF_NewSessionOptions(), TF_NewBuffer(), NULL, {NULL, NULL}};
  const char *tag = "serve";
  model.session = TF_LoadSessionFromSavedModel(model.options, NULL, path, &tag, 1, model.graph, model.description,
                                               model.status);
  check(model.status, path);
  const unsigned char *data = model.description->data;
  Message whole = {data, data + model.description->length};
  if (!value_of(whole, SIGNATURES, name, &model.signature)) {
    char why[100];
    snprintf(why, sizeof why, "the model has no signature `%s`", name);
    die(path, why);
  }
  return model;
}

static TF_Output input(const Model *model, const char *key) {
  return tensor_of(model->graph, model->signature, INPUTS, key);
}

/* Runs the signature. Prints the output `text` of each row, or its error to stderr; returns the exit code. */
static int print_texts(const Model *model, const TF_Output *inputs, TF_Tensor *const *given, int count, char **lines) {
  TF_Output outputs[2] = {tensor_of(model->graph, model->signature, OUTPUTS, "text"),
                          tensor_of(model->graph, model->signature, OUTPUTS, "error")};
  TF_Tensor *answer[2] = {NULL, NULL};
  TF_SessionRun(model->session, NULL, inputs, given, count, outputs, answer, 2, NULL, 0, NULL, model->status);
  check(model->status, "run");
  const TF_TString *texts = TF_TensorData(answer[0]), *errors = TF_TensorData(answer[1]);
  int code = 0;
  for (int64_t i = 0; i < TF_Dim(answer[0], 0); i++) {
    int is_wrong = TF_StringGetSize(&errors[i]) > 0;
    const TF_TString *shown = is_wrong ? &errors[i] : &texts[i];
    if (is_wrong) fprintf(stderr, "%s: %s: ", PROGRAM, lines[i]);
    fprintf(is_wrong ? stderr : stdout, "%.*s\n", (int)TF_StringGetSize(shown), TF_StringGetDataPointer(shown));
    code |= is_wrong;
  }
  for (int i = 0; i < 2; i++) TF_DeleteTensor(answer[i]); /* its texts belong to TensorFlow */
  return code;
}

/* Frees everything; the first tensor that was given holds the texts of the lines. */
static void unload(Model *model, TF_Tensor **given, int count, char **lines) {
  TF_TString *texts = TF_TensorData(given[0]);
  for (int64_t i = 0; i < TF_Dim(given[0], 0); i++) {
    TF_StringDealloc(&texts[i]);
    free(lines[i]);
  }
  free(lines);
  for (int i = 0; i < count; i++) TF_DeleteTensor(given[i]);
  TF_CloseSession(model->session, model->status);
  check(model->status, "close");
  TF_DeleteSession(model->session, model->status);
  check(model->status, "close");
  TF_DeleteBuffer(model->description);
  TF_DeleteSessionOptions(model->options);
  TF_DeleteGraph(model->graph);
  TF_DeleteStatus(model->status);
}

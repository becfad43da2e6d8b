/* Translates lines of text with an exported model that takes source texts, and TensorFlow's C library.

   It is compiled as complete.c is. The number of beams is that of the export.

   ./translate EXPORT/VERSION LENGTH_PENALTY < lines.txt

   Each line is a source. LENGTH_PENALTY is 0 to compare log-likelihoods and 1 to compare log-likelihoods per token.
   Errors of lines go to stderr, and the exit code is then 1. */

#define PROGRAM "translate"
#include "exported.h"

int main(int argc, char **argv) {
  if (argc != 3) die("usage", "translate EXPORT/VERSION LENGTH_PENALTY < lines of text");
  char *end;
  float length_penalty = strtof(argv[2], &end);
  if (end == argv[2] || *end) die(argv[2], "not a length penalty");

  Model model = load(argv[1], "beam_search");
  TF_Output inputs[2] = {input(&model, "source"), input(&model, "length_penalty")};

  char **lines;
  int64_t rows = read_lines(&lines);
  TF_Tensor *given[2] = {string_tensor(lines, rows), TF_AllocateTensor(TF_FLOAT, &rows, 1, rows * sizeof(float))};
  for (int64_t i = 0; i < rows; i++) ((float *)TF_TensorData(given[1]))[i] = length_penalty;
  int code = print_texts(&model, inputs, given, 2, lines);
  unload(&model, given, 2, lines);
  return code;
}

/* Completes lines of text with an exported model and TensorFlow's C library: no server, no Python at run time.

   The library and its headers are in TensorFlow's Python package:

   TF=$(python -c 'import importlib.util as i; print(i.find_spec("tensorflow").submodule_search_locations[0])')
   gcc -O2 -Wall -Wextra -I"$TF/include" complete.c -o complete \
       -L"$TF" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,"$TF"

   ./complete EXPORT/VERSION SEED TEMPERATURE < lines.txt

   Line i, counted from 0, is drawn with the seed [SEED, i]. Errors of lines go to stderr, and the exit code is then 1.
   So do TensorFlow's own messages, unless the environment has TF_CPP_MIN_LOG_LEVEL=3. */

#define PROGRAM "complete"
#include "exported.h"

int main(int argc, char **argv) {
  if (argc != 4) die("usage", "complete EXPORT/VERSION SEED TEMPERATURE < lines of text");
  char *end_of_seed, *end_of_temperature;
  long seed = strtol(argv[2], &end_of_seed, 10);
  float temperature = strtof(argv[3], &end_of_temperature);
  if (end_of_seed == argv[2] || *end_of_seed || seed < 0 || seed > INT32_MAX) die(argv[2], "not a seed");
  if (end_of_temperature == argv[3] || *end_of_temperature) die(argv[3], "not a temperature");

  Model model = load(argv[1], "complete");
  TF_Output inputs[3] = {input(&model, "text"), input(&model, "seed"), input(&model, "temperature")};

  char **lines;
  int64_t rows = read_lines(&lines), pairs[2] = {rows, 2};
  TF_Tensor *given[3] = {string_tensor(lines, rows), TF_AllocateTensor(TF_INT32, pairs, 2, rows * 2 * sizeof(int32_t)),
                         TF_AllocateTensor(TF_FLOAT, &rows, 1, rows * sizeof(float))};
  for (int64_t i = 0; i < rows; i++) {
    ((int32_t *)TF_TensorData(given[1]))[2 * i] = (int32_t)seed;
    ((int32_t *)TF_TensorData(given[1]))[2 * i + 1] = (int32_t)i;
    ((float *)TF_TensorData(given[2]))[i] = temperature;
  }
  int code = print_texts(&model, inputs, given, 3, lines);
  unload(&model, given, 3, lines);
  return code;
}

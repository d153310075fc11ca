/** What a session takes whatever its model holds: graph, kernels, the memory of its runs. */
const fixedBytes = 1 << 20;

/**
 * Of weights: the file while it is loaded, and once more in the order in which the kernels read them. Ten sessions of the
 * deepest exit of either AlexNet, 5.2 MiB each, took 13 MiB each of the process's memory; 130 KiB took 0.5 MiB.
 */
const bytesPerModelByte = 2.5;

/** Runs of up to 16 images at once took 6 to 9 MiB more, whatever the model. */
export const batchBytes = 8 << 20;

/**
 * @param modelBytes of the ONNX file
 * @returns what a loaded session should take of memory while its runs have one image each, bytes
 */
export function estimatedSessionBytes(modelBytes: number): number {
  return Math.round(fixedBytes + bytesPerModelByte * modelBytes);
}

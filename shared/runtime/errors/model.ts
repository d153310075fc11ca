/** Errors of model packages, ONNX graphs and inference. */
export const modelErrors = {
  'model-truncated': 'The ONNX file ends in the middle of a field: export or download it again.',
  'model-not-onnx': 'The file is no ONNX model: pass the .onnx file of a model package.',
  'model-external-data':
    'The model keeps weights in a file outside its own folder: save it as one file, or put the data beside the model.',
  'model-has-loop': 'The graph has a cycle or a control-flow operator (Loop, If, Scan): export the model without them.',
  'model-operator-forbidden': 'The graph has an operator that is not on the allow-list: export the model without it.',
  'model-too-large': 'The model holds more than 1 GiB of initialisers: use a smaller model.',
  'model-graph-invalid':
    'The graph contradicts itself (a tensor that nobody makes, or two make; no exit): export the model again.',
  'model-unknown-exit': 'The model has no exit of that name: `edgent model inspect` lists its exits.',
  'model-digest-mismatch': 'The file is not the one that was named: download it again, or fix the digest.',
  'model-manifest-invalid': 'The manifest beside the model does not fit its schema: mend the field that is named.',
  'early-exit-uncalibrated':
    'The model has no thresholds for that accuracy loss: `edgent model calibrate --write` chooses some, or allow more.',
  'layer-unknown': 'The branch has no layer of that index: `edgent model inspect` lists its layers.',
  'layers-not-closed':
    'The first tier lacks a layer that one of its own layers reads from: add all that come before it.',
  'partition-out-of-range': 'The partition point must lie between 0 and the number of layers of the branch.',
  'inference-failed': 'The runtime refused the segment or its input: see the cause.',
  'segment-not-loaded': 'That segment is not loaded in the inference thread, or was evicted: load it again first.',
  'tensor-unsupported': 'Only float32 tensors whose dimensions match their data are run: convert the input.',
  'inference-cancelled': 'The job was withdrawn before it ran: nothing was computed.',
  'inference-closed': 'The inference thread is closing or has ended: start another one.',
  'image-unreadable': 'The file is no image or data set that can be read: use PNG, JPEG or CIFAR-10 binary records.',
} as const;

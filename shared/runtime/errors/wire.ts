/** Errors of topics, messages and tensor frames. */
export const wireErrors = {
  'topic-invalid': 'The topic is none of the platform’s: see the topic table.',
  'id-invalid':
    'An id has 1 to 64 characters out of a-z, 0-9, hyphen and underscore, and starts with a letter or digit.',
  'message-invalid': 'The message does not fit its schema: the sender speaks another version.',
  'frame-truncated': 'The tensor frame is shorter than it declares: it was cut off on the way.',
  'frame-corrupt': 'The checksum of the tensor frame is wrong: it was damaged on the way.',
  'frame-version': 'The tensor frame is of another version: bring both sides to the same release.',
  'frame-invalid': 'A field of the tensor frame contradicts another: the sender is at fault.',
  'image-invalid':
    'An encoded input is no image of the format and size that the model takes: encode the input as it is preprocessed.',
  'reassembly-overflow':
    'The message is larger than one sender may have unfinished: raise that limit of the receiver, or cut elsewhere.',
  'broker-unreachable': 'No connection to the broker: check its address and that it runs.',
} as const;

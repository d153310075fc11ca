import { type Encoding, encodedBytes, encodings } from './tensor-encoding.ts';

/**
 * How the model's input may travel where it is an image: as a file of one of these formats, lossy. A format's quality is
 * the model package's (`imageEncodings` of its manifest): what it costs in accuracy was measured with that one.
 */
export const imageEncodings = ['jpeg', 'webp'] as const;
export type ImageEncoding = (typeof imageEncodings)[number];

/** All that a request may say of how it travels, in the order of their numbers in a tensor frame. */
export const wireEncodings = [...encodings, ...imageEncodings] as const;
export type WireEncoding = Encoding | ImageEncoding;

export function isImageEncoding(encoding: WireEncoding): encoding is ImageEncoding {
  return encoding === 'jpeg' || encoding === 'webp';
}

/** @returns bytes of a tensor of so many elements; an image travels as a tensor of its file's bytes */
export function bytesOnWire(encoding: WireEncoding, elements: number): number {
  return isImageEncoding(encoding) ? elements : encodedBytes(encoding, elements);
}

/**
 * How the model's input may travel where it is an image: as a file of one of these formats, lossy. A format's quality is
 * the model package's (`imageEncodings` of its manifest): what it costs in accuracy was measured with that one.
 */
export const imageEncodings = ['jpeg', 'webp'] as const;
export type ImageEncoding = (typeof imageEncodings)[number];

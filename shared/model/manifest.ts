import { type Static, Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';

const Size = Type.Integer({ minimum: 1, maximum: 16_384 });

/** How a frame becomes the model's input: value = (byte × scale − mean) / std, per channel. */
const PreprocessingSchema = Type.Object({
  resize: Type.Object({ width: Size, height: Size, kernel: Type.Literal('linear') }),
  channels: Type.Union([Type.Literal('RGB'), Type.Literal('BGR')]),
  layout: Type.Literal('NCHW'),
  scale: Type.Number({ exclusiveMinimum: 0 }),
  mean: Type.Array(Type.Number(), { minItems: 3, maxItems: 3 }),
  std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), { minItems: 3, maxItems: 3 }),
});

const Share = Type.Number({ minimum: 0, maximum: 1 });

/** The share of images whose greatest output is the right label; `images` says how many were looked at. */
const AccuracySchema = Type.Object({
  dataset: Type.String({ minLength: 1 }),
  images: Type.Integer({ minimum: 1 }),
  top1: Share,
});

/**
 * The same share where the cut travels encoded: f16[p] and u8[p] with the first p layers before the encoding, 0..N.
 * Index 0 encodes the input; at N nothing is sent and the accuracy is the exit's own.
 */
const EncodedAccuracySchema = Type.Object({
  dataset: Type.String({ minLength: 1 }),
  images: Type.Integer({ minimum: 1 }),
  f16: Type.Array(Share, { minItems: 2 }),
  u8: Type.Array(Share, { minItems: 2 }),
});

const Loss = Type.Number({ minimum: -1, maximum: 1 });
const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });

/**
 * When this exit's own answer does in place of a deeper one's: where the entropy of its output is below a threshold, for
 * each accuracy loss that was asked for. Each half of the images chooses one, and the smaller stands.
 */
const EarlyExitSchema = Type.Object({
  dataset: Type.String({ minLength: 1 }),
  /** Of all that the images show, with their labels. */
  imagesDigest: Digest,
  /** The ONNX file whose outputs these were. */
  modelDigest: Digest,
  thresholds: Type.Array(
    Type.Object({
      /** Of all images, in place of any deeper exit. */
      accuracyLoss: Share,
      /** Nats. */
      entropy: Type.Number({ minimum: 0 }),
      /** On all images; losses at the worst of the deeper exits, below 0: a gain. */
      measured: Type.Object({
        images: Type.Integer({ minimum: 1 }),
        answered: Share,
        accuracyLoss: Loss,
        /** Each half under the threshold that the other one chose, the mean of the two. */
        heldOutLoss: Loss,
      }),
    }),
    { minItems: 1 },
  ),
});

/** What the input costs as an image file of one format, over all images that were looked at. */
const ImageEncodingSchema = Type.Object({
  quality: Type.Integer({ minimum: 1, maximum: 100 }),
  meanBytes: Type.Number({ minimum: 1 }),
  /** 95 % of the files have no more. */
  p95Bytes: Type.Integer({ minimum: 1 }),
  /** The same share as above by exit, in the order of `exits`, where the input was such a file. */
  top1: Type.Array(Share, { minItems: 1 }),
});

const ImageEncodingsSchema = Type.Object({
  dataset: Type.String({ minLength: 1 }),
  images: Type.Integer({ minimum: 1 }),
  jpeg: Type.Optional(ImageEncodingSchema),
  webp: Type.Optional(ImageEncodingSchema),
});

const ExitSchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  /** Layers as the paper counts them: dropout counts, flattening does not. */
  paperLayers: Type.Integer({ minimum: 1 }),
  /** ONNX nodes of the branch: partitions run over these. */
  nodes: Type.Integer({ minimum: 1 }),
  accuracy: Type.Optional(AccuracySchema),
  encodedAccuracy: Type.Optional(EncodedAccuracySchema),
  earlyExit: Type.Optional(EarlyExitSchema),
});

/** What a model package says of its ONNX file: `manifest.json` beside it. */
export const ManifestSchema = Type.Object(
  {
    formatVersion: Type.Literal(1),
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' }),
    version: Type.String({ minLength: 1, maxLength: 64 }),
    /** A file in the package's own folder. */
    file: Type.String({ pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]*$', maxLength: 128 }),
    digest: Digest,
    /** Shape without the batch dimension: channels, height, width. */
    input: Type.Object({
      name: Type.String({ minLength: 1 }),
      dtype: Type.Literal('float32'),
      shape: Type.Array(Size, { minItems: 3, maxItems: 3 }),
    }),
    preprocessing: PreprocessingSchema,
    labels: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
    exits: Type.Array(ExitSchema, { minItems: 1 }),
    /** Absent: the input is not sent as an image. */
    imageEncodings: Type.Optional(ImageEncodingsSchema),
    training: Type.Record(Type.String(), Type.Unknown()),
  },
  { additionalProperties: false },
);

export type Manifest = Static<typeof ManifestSchema>;
export type EncodedAccuracy = Static<typeof EncodedAccuracySchema>;
export type EarlyExitThresholds = Static<typeof EarlyExitSchema>;
export type ImageEncodings = Static<typeof ImageEncodingsSchema>;
export type MeasuredImageEncoding = Static<typeof ImageEncodingSchema>;
export type Preprocessing = Static<typeof PreprocessingSchema>;

/** Checks a manifest; what does not fit is `model-manifest-invalid` and names the field. */
export const manifestParser = createParser(ManifestSchema, 'model-manifest-invalid', 'manifest');

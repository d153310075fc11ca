import type { EncodedAccuracy, ImageEncodings } from '../../shared/model/manifest.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';

export interface EvaluatedExit {
  readonly name: string;
  /** Share of the labelled images whose greatest output is their label; null where none is labelled. */
  readonly accuracy: number | null;
  /** The same where the cut after p layers travels encoded; index p, 0..nodes. Only with `--cuts`. */
  readonly encodedAccuracy?: Pick<EncodedAccuracy, 'f16' | 'u8'>;
  /** As the paper counts them. */
  readonly layers: number;
  readonly nodes: number;
  /** Of the branch's ONNX file. */
  readonly bytes: number;
  /** Median of one image at a time on one thread. */
  readonly msPerImage: number;
}

export interface EvaluatedImage {
  readonly name: string;
  readonly label: string | null;
  /** By exit. */
  readonly predicted: Readonly<Record<string, string>>;
}

/** What `edgent model evaluate` finds. */
export interface Evaluation {
  readonly package: string;
  readonly digest: string;
  readonly dataset: string;
  readonly images: number;
  readonly partition: number | null;
  readonly encoding: Encoding | null;
  readonly exits: readonly EvaluatedExit[];
  /** What the input costs as an image file. Only with `--image-encodings`. */
  readonly imageEncodings?: Pick<ImageEncodings, 'jpeg' | 'webp'>;
  readonly labels?: readonly EvaluatedImage[];
}

/** One image as it came in: 8-bit RGB, interleaved, row by row. */
export interface Frame {
  /** height × width × 3 bytes. */
  readonly rgb: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Index into the manifest's labels, where the source knows it. */
  readonly label?: number;
  /** Where it came from, for people: a file or a record number. */
  readonly name: string;
}

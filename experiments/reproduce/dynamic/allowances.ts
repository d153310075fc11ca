/** Encodings and directions: those of the paper, or all. */
export const allowances = {
  f32: { encodings: ['f32'], directions: ['device-first'] },
  all: { encodings: ['f32', 'f16', 'u8'], directions: ['device-first', 'edge-first'] },
} as const satisfies Record<string, { encodings: readonly string[]; directions: readonly string[] }>;
export type Allowance = keyof typeof allowances;

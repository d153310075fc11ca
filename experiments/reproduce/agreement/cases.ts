import { type Static, Type } from 'typebox';
import { EmulationSchema } from '../settings.ts';

const Ms = Type.Number();

/** One exit and partition: T as it was predicted from each kind of table, and as frames took it. */
const RowSchema = Type.Object({
  exit: Type.Integer({ minimum: 1 }),
  partition: Type.Integer({ minimum: 0 }),
  uploadBytes: Type.Integer({ minimum: 0 }),
  measuredMs: Ms,
  /** From tables alone, on the link’s own rate: no frame that was measured here has corrected them. */
  predictedMs: Type.Object({
    profiles: Ms,
    regressions: Ms,
    /** From profiles whose every time was made greater by `perturbation`. */
    perturbed: Ms,
  }),
  /** As the device itself predicted it meanwhile, on the link that it had measured and as frames before had corrected it. */
  inServiceMs: Ms,
});
export type Row = Static<typeof RowSchema>;

/** Every exit and partition at one processor and one link. */
export const CaseSchema = Type.Object({
  model: Type.String(),
  emulation: EmulationSchema,
  mbps: Type.Number(),
  /** Of each point. */
  frames: Type.Integer({ minimum: 1 }),
  /** Of a message of no size, as predictions take it. */
  rttMs: Ms,
  rows: Type.Array(RowSchema, { minItems: 1 }),
});
export type Case = Static<typeof CaseSchema>;

/** How many times too slow the perturbed profiles say that everything is. */
export const perturbation = 1.3;

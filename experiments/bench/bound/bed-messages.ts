import { type Static, Type } from 'typebox';
import { FrameResultSchema } from '../../../shared/protocol/frame-result.ts';
import { DirectionSchema, EncodingSchema } from '../../../shared/protocol/plan-schema.ts';
import { createParser } from '../../../shared/runtime/schema.ts';

/** What a test bed's two processes are asked; each is a call of `../processes/called-process.ts`. */
const ModelName = Type.Union([Type.Literal('branchy-alexnet-32'), Type.Literal('branchy-alexnet-128')]);
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

/** `start` of the process at the edge. */
const EdgeStartSchema = Type.Object({
  model: ModelName,
  host: Type.String(),
  brokerUrl: Type.String(),
  /** Of the rival's worker. */
  token: Type.String(),
});
export type EdgeStart = Static<typeof EdgeStartSchema>;
export const edgeStartParser = createParser(EdgeStartSchema, 'message-invalid', 'start of the edge');

const EdgePortsSchema = Type.Object({ barePort: Port, httpPort: Port });
export type EdgePorts = Static<typeof EdgePortsSchema>;
export const edgePortsParser = createParser(EdgePortsSchema, 'message-invalid', 'ports of the edge');

/** `start` of the process at the device's end. */
const DeviceStartSchema = Type.Object({
  model: ModelName,
  id: Type.String(),
  processorFactor: Type.Number({ minimum: 1 }),
  controlPlaneUrl: Type.String(),
  brokerUrl: Type.String(),
  enrolmentToken: Type.String(),
  dataFolder: Type.String(),
  edgeHost: Type.String(),
  edge: EdgePortsSchema,
  /** Of the rival's device. */
  token: Type.String(),
});
export type DeviceStart = Static<typeof DeviceStartSchema>;
export const deviceStartParser = createParser(DeviceStartSchema, 'message-invalid', 'start of the device');

/** `frame`: null lets the device plan. */
export const planParser = createParser(
  Type.Union([
    Type.Null(),
    Type.Object({
      exit: Type.Integer({ minimum: 1 }),
      partition: Type.Integer({ minimum: 0 }),
      direction: DirectionSchema,
      encoding: EncodingSchema,
    }),
  ]),
  'message-invalid',
  'plan',
);
export const frameResultParser = createParser(FrameResultSchema, 'message-invalid', 'frame result');

const RivalFrameSchema = Type.Object({
  /** What would be used without this platform; `device` sends nothing. */
  way: Type.Union([Type.Literal('http'), Type.Literal('mqtt'), Type.Literal('device')]),
  form: Type.Union([Type.Literal('f32'), Type.Literal('u8')]),
});
export type RivalFrame = Static<typeof RivalFrameSchema>;
export const rivalFrameParser = createParser(RivalFrameSchema, 'message-invalid', 'rival frame');

/** What a rival's frame took from image to label, ms. */
export const rivalTimeParser = createParser(Type.Object({ latencyMs: Type.Number() }), 'message-invalid', 'rival time');

/** The answer of calls that give nothing. */
export const nothingParser = createParser(Type.Unknown(), 'message-invalid', 'answer');

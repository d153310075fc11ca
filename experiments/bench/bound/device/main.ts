import { systemClock } from '../../../../shared/runtime/clock.ts';
import { FleetError } from '../../../../shared/runtime/errors.ts';
import { openModel } from '../../../reproduce/models.ts';
import { serveCalls } from '../../processes/serve-calls.ts';
import { createBareSegments } from '../bare-segments.ts';
import { type DeviceStart, deviceStartParser, planParser, rivalFrameParser } from '../bed-messages.ts';
import { type Exchange, type ExchangeTimes, exchangeParser } from '../exchange.ts';
import { type BareClient, connectBareClient } from './bare-client.ts';
import { type BenchedAgent, startBenchedAgent } from './benched-agent.ts';
import { connectRivals, type Rivals } from './rivals.ts';

/** The device's side: the agent that is measured, and everything that it is compared with. */
interface Device {
  agent: BenchedAgent;
  bare: BareClient;
  rivals: Rivals;
  segments: ReturnType<typeof createBareSegments>;
  close(): Promise<void>;
}

let device: Device | undefined;

async function start(settings: DeviceStart): Promise<Device> {
  const model = await openModel(settings.model);
  const segments = createBareSegments(model);
  const bare = await connectBareClient({ host: settings.edgeHost, port: settings.edge.barePort, clock: systemClock });
  const rivals = await connectRivals(settings, model);
  const agent = await startBenchedAgent(settings);
  return {
    agent,
    bare,
    rivals,
    segments,
    async close() {
      await agent.stop();
      await rivals.close();
      bare.close();
      await segments.close();
    },
  };
}

function started(): Device {
  if (device === undefined) throw new FleetError('experiment-failed', 'the device was not started');
  return device;
}

async function runBare(exchange: Exchange): Promise<ExchangeTimes> {
  const { segments, bare } = started();
  const beforeMs = await segments.run(exchange.before);
  const { wireMs, workerMs } = await bare.exchange(exchange);
  return { beforeMs, wireMs, workerMs, afterMs: await segments.run(exchange.after) };
}

serveCalls(
  {
    async start(argument) {
      device = await start(deviceStartParser.parse(argument));
    },
    frame: (argument) => started().agent.frame(planParser.parse(argument)),
    async load(argument) {
      const { before, after } = exchangeParser.parse(argument);
      await started().segments.load(before);
      await started().segments.load(after);
    },
    bare: (argument) => runBare(exchangeParser.parse(argument)),
    rival: (argument) => started().rivals.frame(rivalFrameParser.parse(argument)),
  },
  async () => {
    await device?.close();
  },
);

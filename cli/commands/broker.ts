import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { isFilter } from '../../broker/topic-filter.ts';
import { toEnvironment } from '../../shared/runtime/config.ts';
import type { LogLevel } from '../../shared/runtime/log-level.ts';
import { examples, logLevelOption, numberBetween } from '../options.ts';
import { mainScript } from '../platform/platform.ts';
import { runComponent } from '../platform/run-component.ts';

interface ListenAddress {
  host: string;
  port: number;
}

interface BrokerRunOptions {
  allowAnonymous?: boolean;
  publicKey?: string;
  listen: ListenAddress;
  webSocketPort?: number;
  denySubscribe: string[];
  publishesPerSecond?: number;
  logLevel: LogLevel;
}

const usualPort = 1883;
const runExamples = examples(
  'edgent broker run --allow-anonymous',
  'edgent broker run --allow-anonymous --listen mqtt://127.0.0.1:0 --deny-subscribe test/nosubscribe',
  'edgent broker run --public-key .edgent/up/control-plane/keys/signing-public.pem --listen mqtt://127.0.0.1:1884',
);

/** `edgent broker`: the platform's MQTT broker by itself. */
export function brokerCommand(inherited: Record<string, string | undefined>): Command {
  const run = new Command('run')
    .description('run the MQTT broker by itself, on this machine alone')
    .option('--allow-anonymous', 'a plain MQTT 3.1.1 broker for tools: no tokens, all topics, sessions kept in memory')
    .option('--public-key <file>', "the platform's broker: who comes in has a token under this key (PEM)")
    .option('--listen <url>', 'mqtt://HOST:PORT, HOST of this machine alone; port 0: any free one', address, {
      host: '127.0.0.1',
      port: usualPort,
    })
    .option(
      '--web-socket-port <port>',
      'MQTT over WebSocket, too; 0: any free port (default: no WebSocket)',
      numberBetween(0, 65_535, 'integer'),
    )
    .option('--deny-subscribe <filter>', 'a filter that is granted to nobody; may be repeated', addFilter, [])
    .option(
      '--publishes-per-second <n>',
      'what one connection may send for long, above which it is held back (default: 50000 anonymous, else 2000)',
      numberBetween(1, 1e9, 'integer'),
    )
    .addOption(logLevelOption('of the broker'))
    .addHelpText('after', runExamples)
    .action(async (options: BrokerRunOptions, command: Command) => {
      if ((options.allowAnonymous === true) === (options.publicKey !== undefined)) {
        command.error('error: give either --allow-anonymous or --public-key <file>');
      }
      const environment = toEnvironment({
        allowAnonymous: options.allowAnonymous === true,
        publicKeyFile: options.publicKey === undefined ? undefined : resolve(options.publicKey),
        listenHost: options.listen.host,
        mqttPort: options.listen.port,
        webSocketPort: options.webSocketPort,
        denySubscribe: options.denySubscribe.join('\n'),
        publishesPerSecond: options.publishesPerSecond,
        logLevel: options.logLevel,
      });
      process.exitCode = await runComponent(mainScript('broker'), { ...inherited, ...environment });
    });
  return new Command('broker').addCommand(run).addHelpText('after', runExamples);
}

function address(text: string): ListenAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isMqtt = url?.protocol === 'mqtt:' || url?.protocol === 'tcp:';
  if (url === undefined || !isMqtt || url.hostname === '' || !['', '/'].includes(url.pathname)) {
    throw new InvalidArgumentError('Expected mqtt://HOST:PORT, such as mqtt://127.0.0.1:1883.');
  }
  // Node wants IPv6 addresses without brackets.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: url.port === '' ? usualPort : Number(url.port) };
}

function addFilter(text: string, before: string[]): string[] {
  if (isFilter(text) && !text.includes('\n')) return [...before, text];
  throw new InvalidArgumentError('Expected an MQTT topic filter, such as test/nosubscribe or secret/#.');
}

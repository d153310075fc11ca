import { Command } from 'commander';

type Environment = Readonly<Record<string, string | undefined>>;

/** A command before its code is read: what the list of commands tells of it. */
interface ListedCommand {
  description: string;
  load(inherited: Environment): Promise<Command>;
}

const listed: Readonly<Record<string, ListedCommand>> = {
  start: {
    description: 'run the platform with emulated devices on this machine, and show what they do',
    load: async (inherited) => (await import('./commands/start.ts')).startCommand(inherited),
  },
  up: {
    description: 'run broker, control plane and a worker on this machine',
    load: async (inherited) => (await import('./commands/up.ts')).upCommand(inherited),
  },
  device: {
    description: 'run a device, or ask why it runs its frames as it does',
    load: async (inherited) => (await import('./commands/device.ts')).deviceCommand(inherited),
  },
  worker: {
    description: 'run an edge worker',
    load: async (inherited) => (await import('./commands/worker.ts')).workerCommand(inherited),
  },
  broker: {
    description: 'run the MQTT broker',
    load: async (inherited) => (await import('./commands/broker.ts')).brokerCommand(inherited),
  },
  model: {
    description: 'inspect, split, partition and evaluate model packages',
    load: async () => (await import('./commands/model.ts')).modelCommand(),
  },
  profile: {
    description: 'measure how long the layers of a model take, and show it',
    load: async () => (await import('./commands/profile.ts')).profileCommand(),
  },
  states: {
    description: 'build the bandwidth states that configuration maps are made for, and put them in force',
    load: async () => (await import('./commands/states.ts')).statesCommand(),
  },
  map: {
    description: 'build, show and compare configuration maps: bandwidth state → plan',
    load: async () => (await import('./commands/map.ts')).mapCommand(),
  },
  bench: {
    description: 'measure the platform against its bars; exit code 1 when one falls short',
    load: async (inherited) => (await import('./commands/bench.ts')).benchCommand(inherited),
  },
  reproduce: {
    description: 'run the paper’s experiments on this software and write data, pictures and a report',
    load: async (inherited) => (await import('./commands/reproduce.ts')).reproduceCommand(inherited),
  },
};

/**
 * Reading the code of all commands takes longer than most of them run: only what the words name is loaded.
 * @param words the command line after `edgent`
 * @returns every command in the order of the list, those that are not named by name and description alone
 */
export function loadCommands(words: readonly string[], inherited: Environment): Promise<Command[]> {
  const commands = Object.entries(listed).map(async ([name, { description, load }]) => {
    const command = words.includes(name) ? await load(inherited) : new Command(name);
    return command.description(description);
  });
  return Promise.all(commands);
}

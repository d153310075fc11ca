/**
 * Loaded into every process that is supervised, before its own main module: it is asked to end when the process
 * that started it has ended, however that came about. The channel between the two carries no messages.
 */
if (process.channel !== undefined) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

/**
 * A reader of standard output that has seen enough (`| head`) is no failure: without this, the next line ends the
 * process with a stack trace.
 * @param end called once, when a line finds no reader any more; it ends the process in order
 */
export function onReaderGone(end: () => void): void {
  let gone = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // Lines that are still on their way fail too.
    if (!gone) end();
    gone = true;
  });
}

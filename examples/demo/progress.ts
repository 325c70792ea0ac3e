import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  update(done: number, total: number): void;
  end(): void;
}

/** A progress bar on a terminal; elsewhere a line for each tenth. */
export function showProgress(): Progress {
  return process.stdout.isTTY ? bar() : lines();
}

function bar(): Progress {
  const format = '   {bar} {percentage} %  {value} of {total}';
  const single = new SingleBar({ format, stream: process.stdout, hideCursor: true }, Presets.shades_classic);
  return {
    update(done, total) {
      if (!single.isActive) single.start(total, done);
      single.setTotal(total);
      single.update(done);
    },
    end: () => single.stop(),
  };
}

function lines(): Progress {
  let last = -1;
  return {
    update(done, total) {
      const tenth = Math.floor((10 * done) / Math.max(total, 1));
      if (tenth !== last) console.log(`   ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`);
      last = tenth;
    },
    end() {},
  };
}

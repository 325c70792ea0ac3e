import { useEffect, useRef, useState } from 'preact/hooks';
import UPlot from 'uplot';
import type { ThroughputAnswer } from './answers.ts';
import { ask, segment } from './api.ts';
import { formatCount, formatRate, formatTicks } from './format.ts';
import { type Speeds, speedsOf, withSample } from './throughput.ts';
import type { Sample } from './use-job.ts';

const height = 180;
const hour = 3600;
const day = 24 * hour;
/** Seconds between two ticks: such that no two of them read the same. */
const tickSeconds = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800],
  ...[1, 2, 3, 6].map((hours) => hours * hour),
  ...[1, 2, 7, 14, 30, 60].map((days) => days * day),
];

interface ThroughputProps {
  readonly id: string;
  readonly sample: Sample | undefined;
}

/** Records settled a second, over the time of the job: what the API knows of the past, then what events tell. */
export function Throughput({ id, sample }: ThroughputProps) {
  const speeds = useSpeeds(id, sample);
  const [moments, all] = speeds;
  if (moments.length < 2) {
    return (
      <p class="muted">
        {sample?.finished === true
          ? 'All of it happened within a moment.'
          : 'Shown once records have been settled for a few seconds.'}
      </p>
    );
  }
  const most = Math.max(...all);
  return (
    <figure class="plot">
      <SpeedPlot speeds={speeds} />
      <figcaption class="muted small">
        Records settled each second, and those of them that <span class="failed-word">failed</span>. Highest:{' '}
        {formatRate(most)}.
      </figcaption>
    </figure>
  );
}

function useSpeeds(id: string, sample: Sample | undefined): Speeds {
  const [speeds, setSpeeds] = useState<Speeds>([[], [], []]);
  const last = useRef<Sample>(undefined);
  const isFinished = sample?.finished === true;

  // The end is the best moment to ask again: the past is then whole.
  useEffect(() => {
    const ending = new AbortController();
    ask<ThroughputAnswer>(`/batches/${segment(id)}/throughput`, { signal: ending.signal })
      .then((answer) => {
        if (answer.stretches.length > 1) setSpeeds(speedsOf(answer));
      })
      // Without the past the plot begins now.
      .catch(() => undefined);
    return () => ending.abort();
  }, [id, isFinished]);

  useEffect(() => {
    if (sample === undefined) return;
    const before = last.current;
    if (before === undefined || before.finished) {
      last.current = sample;
      return;
    }
    const longer = withSample(speeds, before, sample);
    if (longer === undefined) return;
    last.current = sample;
    setSpeeds(longer);
  }, [sample, speeds]);
  return speeds;
}

function SpeedPlot({ speeds }: { readonly speeds: Speeds }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const isDark = useDarkScheme();

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const drawn = new UPlot(optionsFor(element), dataOf(speeds), element);
    plot.current = drawn;
    const sizes = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      drawn.destroy();
    };
  }, [isDark]);
  useEffect(() => plot.current?.setData(dataOf(speeds)), [speeds]);

  const last = speeds[1].at(-1) ?? 0;
  return <div ref={place} role="img" aria-label={`Throughput over time, last ${formatRate(last)}`} />;
}

const dataOf = ([moments, all, failed]: Speeds): UPlot.AlignedData => [moments, all, failed];

function optionsFor(element: HTMLElement): UPlot.Options {
  const axis = {
    stroke: colourOf(element, 'muted'),
    grid: { stroke: colourOf(element, 'line'), width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(element).fontFamily}`,
  };
  return {
    width: Math.max(element.clientWidth, 200),
    height,
    padding: [8, 28, 0, 0],
    cursor: { y: false, drag: { setScale: false } },
    legend: { show: false },
    scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [
      { ...axis, incrs: tickSeconds, space: 80, size: 28, values: (_, moments) => formatTicks(moments) },
      { ...axis, size: 60, values: (_, values) => values.map((value) => formatCount(value)) },
    ],
    series: [
      {},
      { label: 'settled', stroke: colourOf(element, 'accent'), width: 2, points: { show: false } },
      { label: 'failed', stroke: colourOf(element, 'failed'), width: 2, points: { show: false } },
    ],
  };
}

/** A canvas knows no variables of a stylesheet; what they come to in the present scheme is read off an element. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = element.appendChild(document.createElement('span'));
  probe.style.color = `var(--${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function useDarkScheme(): boolean {
  const [isDark, setDark] = useState(matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const look = () => setDark(scheme.matches);
    scheme.addEventListener('change', look);
    return () => scheme.removeEventListener('change', look);
  }, []);
  return isDark;
}

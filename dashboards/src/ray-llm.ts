// Panels 4 and 5 of the plan: jobs of Ray, and the server of language models.
import { VizOrientation } from '@grafana/grafana-foundation-sdk/common';
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, labelled, marks, told } from './board';
import { built, to } from './links';
import { bars, lines, painted, quantiles, row, stacked, stat, tiles } from './panels';
import { llmRequests, rayJobs } from './ray';
import { exemplars, now, range } from './sources';
import { A_SECOND, BLUE, GREEN, RED, YELLOW, known, steps } from './values';

const RAY = 'No data: set ray.url';
const VLLM = 'No data: set vllm.otlp or vllm.otlp_listen and point the server’s traces there';
const NATIVE = 'No data: let Prometheus scrape vLLM itself too';
const GPU = 'No data: set gpu.dcgm_url, gpu.ray_metrics_url or gpu.nvml';
const FILTER = { story: '$story', role: '$role', agent: '$agent' };

export const rayLlm = (): DashboardBuilder =>
  [ray, llm, gpu, native].reduce(
    (dashboard, part) => part(dashboard),
    board({
      name: 'ray-llm',
      title: 'Ray and language models',
      description: 'Jobs of Ray, requests to language models, and the graphics processors both run on.',
      refresh: '1s',
      from: 'now-15m',
    })
      .withVariable(told('story', 'Story'))
      .withVariable(told('role', 'Role'))
      .withVariable(labelled('agent', 'Agent', 'label_values(fleet_agent_state, agent)'))
      .withVariable(labelled('model', 'Model', 'label_values(fleet_llm_requests_total, model)'))
      .annotation(marks('Failed jobs', 'orange', 'events', { type: 'ray.job.failed' })),
  );

const ray = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('Ray jobs'))
    .withPanel(
      tiles({
        title: 'Jobs by state',
        text: 'Jobs Ray knows of, by state: PENDING, RUNNING, SUCCEEDED, FAILED and the rest.',
        unit: 'short',
        size: [24, 4],
        queries: [now('sum by (status) (fleet_ray_jobs)', '{{status}}')],
        empty: RAY,
      })
        .thresholds(known(BLUE))
        .overrideByName('FAILED', [{ id: 'thresholds', value: steps(GREEN, [1, RED]).build() }])
        .overrideByName('SUCCEEDED', [{ id: 'thresholds', value: steps(GREEN).build() }])
        .overrideByName('LOST', [{ id: 'thresholds', value: steps(GREEN, [1, YELLOW]).build() }]),
    )
    .withPanel(rayJobs(FILTER, [24, 12]))
    .withPanel(
      quantiles({
        title: 'Duration of jobs',
        text: 'The 95th percentile of the time from a job’s submission to its end, by council.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.95, sum by (le, council) (rate(fleet_ray_job_duration_seconds_bucket[$__rate_interval])))',
            '{{council}}',
          ),
        ],
        empty: 'No job ended in this time, or ray.url is not set',
      }),
    )
    .withPanel(
      stacked({
        title: 'Failed jobs',
        text: 'Jobs that failed, when they did, by reason.',
        unit: 'short',
        size: [8, 8],
        queries: [range('sum by (reason) (increase(fleet_ray_job_failures_total[$__rate_interval]))', '{{reason}}')],
        empty: 'No job failed yet',
      }).dataLinks(built([to('events', 'Failed jobs', { type: 'ray.job.failed' })])),
    )
    .withPanel(
      lines({
        title: 'Actors',
        text: 'Actors of Ray by state, Ray’s own left out.',
        unit: 'short',
        size: [8, 8],
        queries: [range('sum by (state) (fleet_ray_actors)', '{{state}}')],
        empty: RAY,
      }),
    );

const llm = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('Language models'))
    .withPanel(
      stat({
        title: 'Throughput',
        text: 'Requests to language models a minute, within the time shown.',
        unit: 'suffix: /min',
        size: [6, 4],
        queries: [now('60 * sum(rate(fleet_llm_requests_total{model=~"$model"}[$__range]))')],
        empty: VLLM,
      }),
    )
    .withPanel(
      stat({
        title: 'Mean latency',
        text: 'Mean time from a request’s arrival to the end of its answer, within the time shown.',
        unit: 's',
        size: [6, 4],
        queries: [
          now(
            'sum(rate(fleet_llm_request_duration_seconds_sum{model=~"$model"}[$__range])) / sum(rate(fleet_llm_request_duration_seconds_count{model=~"$model"}[$__range]))',
          ),
        ],
        empty: VLLM,
      }).thresholds(known(GREEN, [3, YELLOW], [5, RED])),
    )
    .withPanel(
      stat({
        title: 'Tokens a second',
        text: 'Tokens read and written a second, within the time shown.',
        unit: 'short',
        size: [6, 4],
        queries: [now('sum by (direction) (rate(fleet_llm_tokens_total{model=~"$model"}[$__range]))', '{{direction}}')],
        empty: VLLM,
      }),
    )
    .withPanel(
      stat({
        title: 'Failed requests',
        text: 'Share of requests that failed or were aborted within the time shown.',
        unit: 'percentunit',
        size: [6, 4],
        queries: [
          now(
            '(sum(increase(fleet_llm_requests_total{model=~"$model",outcome!="completed"}[$__range])) or vector(0)) / sum(increase(fleet_llm_requests_total{model=~"$model"}[$__range]))',
          ),
        ],
        empty: VLLM,
      }).thresholds(known(GREEN, [0.02, YELLOW], [0.1, RED])),
    )
    .withPanel(llmRequests({ ...FILTER, model: '$model' }, [24, 12]))
    .withPanel(
      quantiles({
        title: 'Latency',
        text: 'Median, 95th and 99th percentile of what requests took.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.5, sum by (le) (rate(fleet_llm_request_duration_seconds_bucket{model=~"$model"}[$__rate_interval])))',
            'median',
          ),
          range(
            'histogram_quantile(0.95, sum by (le) (rate(fleet_llm_request_duration_seconds_bucket{model=~"$model"}[$__rate_interval])))',
            '95 %',
          ),
          range(
            'histogram_quantile(0.99, sum by (le) (rate(fleet_llm_request_duration_seconds_bucket{model=~"$model"}[$__rate_interval])))',
            '99 %',
          ),
        ],
        empty: VLLM,
      }),
    )
    .withPanel(
      quantiles({
        title: 'Time to the first token',
        text: 'Median and 95th percentile of the time from a request’s arrival to its first token.',
        unit: 's',
        size: [8, 8],
        queries: [
          range(
            'histogram_quantile(0.5, sum by (le) (rate(fleet_llm_time_to_first_token_seconds_bucket{model=~"$model"}[$__rate_interval])))',
            'median',
          ),
          range(
            'histogram_quantile(0.95, sum by (le) (rate(fleet_llm_time_to_first_token_seconds_bucket{model=~"$model"}[$__rate_interval])))',
            '95 %',
          ),
        ],
        empty: VLLM,
      }),
    )
    .withPanel(
      lines({
        title: 'Requests in traces',
        text: 'The 95th percentile of spans of requests, with a dot for each trace that Tempo kept as an example: it opens the trace.',
        unit: 's',
        size: [8, 8],
        queries: [
          exemplars(
            'histogram_quantile(0.95, sum by (le, span_name) (rate(traces_spanmetrics_latency_bucket{span_name=~"llm_request|chat .*"}[$__rate_interval])))',
            '{{span_name}}',
          ),
        ],
        empty: 'No data: set otlp.endpoint, and let Tempo’s metrics generator write to Prometheus with send_exemplars',
      }),
    )
    .withPanel(
      stacked({
        title: 'Tokens',
        text: 'Tokens a second: input are prompts, output answers.',
        unit: 'short',
        size: [12, 8],
        queries: [
          range(
            'sum by (council, direction) (rate(fleet_llm_tokens_total{model=~"$model"}[$__rate_interval]))',
            '{{council}} {{direction}}',
          ),
        ],
        empty: VLLM,
      }),
    )
    .withPanel(
      painted(
        stacked({
          title: 'Requests by outcome',
          text: 'Requests a second by how they ended.',
          unit: 'reqps',
          size: [12, 8],
          queries: [
            range(
              'sum by (outcome) (rate(fleet_llm_requests_total{model=~"$model"}[$__rate_interval]))',
              '{{outcome}}',
            ),
          ],
          empty: VLLM,
        }),
      ),
    );

const gpu = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('Graphics processors'))
    .withPanel(
      bars({
        title: 'GPU memory',
        text: 'Share of the memory of each graphics processor that is in use.',
        unit: 'percentunit',
        size: [8, 6],
        queries: [now('fleet_gpu_memory_used_bytes / fleet_gpu_memory_total_bytes', '{{node}} #{{gpu}}')],
        empty: GPU,
      })
        .max(1)
        .thresholds(steps(GREEN, [0.9, YELLOW], [0.97, RED])),
    )
    .withPanel(
      bars({
        title: 'GPU utilization',
        text: 'Share of the time in which each graphics processor computed.',
        unit: 'percentunit',
        size: [8, 6],
        queries: [now('fleet_gpu_utilization_ratio', '{{node}} #{{gpu}}')],
        empty: GPU,
      }).max(1),
    )
    .withPanel(
      stat({
        title: 'GPU memory in use and there',
        text: 'Bytes of memory in use, and all there are, of each graphics processor.',
        unit: 'bytes',
        size: [8, 6],
        queries: [
          now('fleet_gpu_memory_used_bytes', '{{node}} GPU {{gpu}} in use'),
          now('fleet_gpu_memory_total_bytes', '{{node}} GPU {{gpu}} there are'),
        ],
        empty: GPU,
      })
        .orientation(VizOrientation.Horizontal)
        .thresholds(known(BLUE)),
    )
    .withPanel(
      lines({
        title: 'GPU over time',
        text: 'Utilization and share of memory in use.',
        unit: 'percentunit',
        size: [8, 8],
        queries: [
          range('fleet_gpu_utilization_ratio', '{{node}} GPU {{gpu}} computes'),
          range('fleet_gpu_memory_used_bytes / fleet_gpu_memory_total_bytes', '{{node}} GPU {{gpu}} memory'),
        ],
        empty: GPU,
      }).max(1),
    )
    .withPanel(
      lines({
        title: 'Power',
        text: 'Power each graphics processor draws.',
        unit: 'watt',
        size: [8, 8],
        queries: [range('fleet_gpu_power_watts', '{{node}} GPU {{gpu}}')],
        empty: GPU,
      }),
    )
    .withPanel(
      lines({
        title: 'Temperature',
        text: 'Temperature of each graphics processor.',
        unit: 'celsius',
        size: [8, 8],
        queries: [range('fleet_gpu_temperature_celsius', '{{node}} GPU {{gpu}}')],
        empty: GPU,
      }),
    );

const native = (dashboard: DashboardBuilder): DashboardBuilder =>
  dashboard
    .withRow(row('The servers’ own metrics, where Prometheus scrapes them'))
    .withPanel(
      lines({
        title: 'Queue of vLLM',
        text: 'Requests in execution, and requests that wait for it.',
        unit: 'short',
        size: [6, 7],
        queries: [
          range('sum by (model_name) (vllm:num_requests_running)', '{{model_name}} running'),
          range('sum by (model_name) (vllm:num_requests_waiting)', '{{model_name}} waiting'),
        ],
        empty: NATIVE,
      }),
    )
    .withPanel(
      lines({
        title: 'KV cache of vLLM',
        text: 'Share of the KV cache in use: when it is full, requests wait or are preempted.',
        unit: 'percentunit',
        size: [6, 7],
        queries: [range('max by (model_name) (vllm:kv_cache_usage_perc)', '{{model_name}}')],
        empty: NATIVE,
      }).max(1),
    )
    .withPanel(
      lines({
        title: 'Preemptions of vLLM',
        text: 'Requests that lost their place in the KV cache, a second.',
        unit: A_SECOND,
        size: [6, 7],
        queries: [range('sum by (model_name) (rate(vllm:num_preemptions_total[$__rate_interval]))', '{{model_name}}')],
        empty: NATIVE,
      }),
    )
    .withPanel(
      lines({
        title: 'Last errors of GPUs (XID)',
        text: 'The code of the last error of each graphics processor as the DCGM exporter tells it; 0 is none.',
        unit: 'none',
        size: [6, 7],
        queries: [range('max by (hostname, gpu) (DCGM_FI_DEV_XID_ERRORS)', '{{hostname}} GPU {{gpu}}')],
        empty: 'No data: let Prometheus scrape the DCGM exporter too',
      }),
    );

// Creates events: a snapshot of an object at that moment, in the shape of the event's API version.
import { API_VERSION, rendered } from "./versions.mjs";

/** The fields of a control's body that say how its events are created and delivered. */
export const EVENT_OPTIONS = ["api_version", "livemode", "deliver", "repeat", "sign"];

/** Stores the event and passes it to the deliveries; `done` resolves when they are finished with it. */
export function emit(world, type, object, { account, previous, request, api_version = API_VERSION, livemode = false, ...delivery } = {}) {
  const { store } = world;
  const event = store.put("event", {
    id: store.nextId("evt"),
    object: "event",
    ...(account && { account }),
    api_version,
    created: store.now(),
    data: {
      object: livemode ? { ...rendered(store, object, api_version), livemode } : rendered(store, object, api_version),
      ...(previous && { previous_attributes: previous }),
    },
    livemode,
    pending_webhooks: 1,
    request: request ?? { id: null, idempotency_key: null },
    type,
  });
  return { event, done: world.deliveries.take(event, delivery) };
}

/** The event as the API shows it, after its deliveries. */
export function shown(world, event) {
  const state = world.store.deliveries.get(event.id)?.state ?? "no_endpoint";
  return { ...event, pending_webhooks: state === "pending" || state === "failed" ? 1 : 0 };
}

"""The same small programs under CPython's asyncio and under Coral, side by side.

probes.py               prints what each probe notes under this Python: "name: note, note, ..."
probes.py --compare P   runs the program P, which prints the same for Coral, and compares

Orders compare exactly. An exception is noted by its Python name, texts not at all.
"""

import asyncio
import contextlib
import subprocess
import sys

TICK = 0.01
probes = {}


def probe(function):
    probes[function.__name__] = function
    return function


async def outcome(awaitable, log, name):
    try:
        value = await awaitable
        log.append(f"{name}={value}")
    except BaseException as error:
        log.append(f"{name}!{type(error).__name__}")


async def ticks(count, value=None):
    await asyncio.sleep(count * TICK)
    return value


@probe
async def callbacks(log):
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def first():
        log.append("a")
        loop.call_soon(log.append, "nested")
        loop.call_soon(done.set_result, None)

    loop.call_soon(first)
    loop.call_soon(log.append, "b")
    cancelled = loop.call_soon(log.append, "cancelled")
    cancelled.cancel()
    await done
    log.append("done")


@probe
async def timers(log):
    loop = asyncio.get_running_loop()
    loop.call_later(3 * TICK, log.append, "3")
    loop.call_later(1 * TICK, log.append, "1")
    loop.call_later(2 * TICK, log.append, "2").cancel()
    loop.call_later(0, log.append, "later 0")
    loop.call_soon(log.append, "soon")
    await asyncio.sleep(4 * TICK)


@probe
async def task_start(log):
    async def child():
        log.append("child")

    task = asyncio.create_task(child())
    log.append("after create")
    await child()
    log.append("direct")
    await task


@probe
async def sleep_zero(log):
    async def child(name):
        for i in range(3):
            log.append(f"{name}{i}")
            await asyncio.sleep(0)

    await asyncio.gather(child("a"), child("b"))


@probe
async def future_callbacks(log):
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda _: log.append("first"))
    future.add_done_callback(lambda _: log.append("second"))
    future.set_result(1)
    log.append("set")
    await asyncio.sleep(0)
    future.add_done_callback(lambda _: log.append("late"))
    log.append("added")
    await asyncio.sleep(0)
    log.append("end")


@probe
async def future_states(log):
    future = asyncio.get_running_loop().create_future()
    try:
        future.result()
    except asyncio.InvalidStateError as error:
        log.append(type(error).__name__)
    log.append(f"cancel {future.cancel()}")
    log.append(f"cancel {future.cancel()}")
    log.append(f"done {future.done()}")
    log.append(f"cancelled {future.cancelled()}")
    try:
        future.set_result(1)
    except asyncio.InvalidStateError as error:
        log.append(type(error).__name__)
    await outcome(future, log, "await")


@probe
async def cancel_is_a_request(log):
    task = asyncio.create_task(ticks(1000))
    await asyncio.sleep(0)
    log.append(f"{task.cancel()} {task.done()} {task.cancelled()}")
    await outcome(task, log, "task")
    log.append(f"{task.cancel()} {task.done()} {task.cancelled()}")


@probe
async def cancel_before_start(log):
    async def child():
        log.append("ran")

    task = asyncio.create_task(child())
    task.cancel()
    await outcome(task, log, "task")


@probe
async def cancel_swallowed(log):
    async def child():
        try:
            await ticks(1000)
        except asyncio.CancelledError:
            log.append(f"cancelling {asyncio.current_task().cancelling()}")
            log.append(f"uncancel {asyncio.current_task().uncancel()}")
        return "value"

    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    task.cancel()
    await outcome(task, log, "task")
    log.append(f"cancelled {task.cancelled()}")


@probe
async def cancel_unwinds(log):
    async def inner():
        try:
            await ticks(1000)
        finally:
            log.append("inner")

    async def outer():
        try:
            await asyncio.create_task(inner())
        finally:
            log.append("outer")

    task = asyncio.create_task(outer())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    log.append("asked")
    await outcome(task, log, "task")


@probe
async def cancel_with_result(log):
    future = asyncio.get_running_loop().create_future()

    async def child():
        return await future

    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    future.set_result(1)
    task.cancel()
    await outcome(task, log, "task")


@probe
async def cancel_at_the_end(log):
    async def child():
        asyncio.current_task().cancel()
        return 1

    await outcome(asyncio.create_task(child()), log, "task")


@probe
async def gather_order(log):
    results = await asyncio.gather(ticks(3, 1), ticks(1, 2), ticks(2, 3))
    log.extend(map(str, results))


@probe
async def gather_error(log):
    async def fails():
        await ticks(1)
        raise ValueError

    async def goes_on():
        await ticks(2)
        log.append("sibling")

    await outcome(asyncio.gather(goes_on(), fails()), log, "gather")
    await ticks(3)


@probe
async def gather_exceptions(log):
    async def fails():
        raise ValueError

    child = asyncio.create_task(ticks(1000))
    child.cancel()
    for each in await asyncio.gather(fails(), child, ticks(1, 7), return_exceptions=True):
        log.append(type(each).__name__ if isinstance(each, BaseException) else str(each))


@probe
async def gather_cancelled(log):
    async def stubborn():
        for _ in range(2):
            await outcome(ticks(1000), log, "child")

    async def gathers(child):
        await asyncio.gather(child)

    task = asyncio.create_task(gathers(stubborn()))
    for _ in range(2):
        await ticks(1)
        task.cancel()
    await outcome(task, log, "again")

    child = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(gathers(child))
    await ticks(1)
    child.set_exception(ValueError())
    task.cancel()
    await outcome(task, log, "late")


@probe
async def shield_done(log):
    inner = asyncio.create_task(ticks(1, 7))
    await ticks(2)
    asyncio.get_running_loop().call_soon(log.append, "switched")
    await outcome(asyncio.shield(inner), log, "inner")
    await asyncio.sleep(0)


@probe
async def shield(log):
    async def inner():
        await ticks(2)
        log.append("inner")

    async def outer():
        await asyncio.shield(inner())

    task = asyncio.create_task(outer())
    await ticks(1)
    task.cancel()
    await outcome(task, log, "outer")
    await ticks(3)


@probe
async def as_completed(log):
    for next_one in asyncio.as_completed([ticks(6, "6"), ticks(2, "2"), ticks(4, "4")]):
        log.append(await next_one)


@probe
async def wait_for(log):
    async def slow():
        try:
            await ticks(1000)
        finally:
            await ticks(1)
            log.append("cleaned")

    await outcome(asyncio.wait_for(slow(), TICK), log, "slow")
    await outcome(asyncio.wait_for(ticks(0, 5), None), log, "quick")


@probe
async def timeouts(log):
    async def inner():
        async with asyncio.timeout(10):
            async with asyncio.timeout(TICK):
                await ticks(1000)

    await outcome(inner(), log, "inner")

    async def outer():
        async with asyncio.timeout(TICK):
            try:
                async with asyncio.timeout(10):
                    await ticks(1000)
            except BaseException as error:
                log.append(type(error).__name__)
                raise

    await outcome(outer(), log, "outer")
    log.append(f"cancelling {asyncio.current_task().cancelling()}")


@probe
async def task_group(log):
    async def sibling():
        try:
            await ticks(1000)
        except asyncio.CancelledError:
            log.append("sibling cancelled")
            raise

    async def fails():
        await ticks(1)
        raise ValueError

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling())
            group.create_task(fails())
            try:
                await ticks(1000)
            except asyncio.CancelledError:
                log.append("body cancelled")
                raise

    await outcome(main(), log, "group")


@probe
async def lock(log):
    lock = asyncio.Lock()

    async def hold(name):
        try:
            async with lock:
                log.append(f"+{name}")
                await asyncio.sleep(0)
            log.append(f"-{name}")
        except asyncio.CancelledError:
            log.append(f"{name} cancelled")

    await lock.acquire()
    tasks = [asyncio.create_task(hold(name)) for name in "abc"]
    await asyncio.sleep(0)
    lock.release()
    log.append(f"locked {lock.locked()}")
    tasks[0].cancel()
    await asyncio.gather(*tasks)
    try:
        lock.release()
    except RuntimeError as error:
        log.append(type(error).__name__)


@probe
async def event(log):
    event = asyncio.Event()

    async def wait(name):
        await event.wait()
        log.append(name)

    tasks = [asyncio.create_task(wait(name)) for name in "ab"]
    await asyncio.sleep(0)
    event.set()
    event.clear()
    log.append("set")
    await asyncio.gather(*tasks)


@probe
async def condition(log):
    condition = asyncio.Condition()

    async def wait(name):
        async with condition:
            await condition.wait()
            log.append(name)

    tasks = [asyncio.create_task(wait(name)) for name in "abc"]
    await ticks(1)
    async with condition:
        condition.notify(2)
        log.append("notified")
    await ticks(1)
    log.append("more")
    async with condition:
        condition.notify_all()
    await asyncio.gather(*tasks)
    try:
        condition.notify()
    except RuntimeError as error:
        log.append(type(error).__name__)


@probe
async def semaphore(log):
    semaphore = asyncio.Semaphore(2)

    async def hold(name):
        async with semaphore:
            log.append(f"+{name}")
            await ticks(1)
        log.append(f"-{name}")

    await asyncio.gather(*(hold(name) for name in "abcd"))
    bounded = asyncio.BoundedSemaphore(1)
    try:
        bounded.release()
    except ValueError as error:
        log.append(type(error).__name__)


@probe
async def barrier(log):
    barrier = asyncio.Barrier(2)

    async def arrive(name):
        try:
            log.append(f"{name}{await barrier.wait()}")
        except asyncio.BrokenBarrierError as error:
            log.append(f"{name} {type(error).__name__}")

    first = asyncio.create_task(arrive("a"))
    await asyncio.sleep(0)
    await arrive("b")
    await first
    waiting = asyncio.create_task(arrive("c"))
    await ticks(1)
    await barrier.abort()
    await waiting
    await arrive("d")
    log.append(f"broken {barrier.broken}")


@probe
async def queue(log):
    queue = asyncio.Queue(1)

    async def take(name):
        try:
            log.append(f"{name}{await queue.get()}")
        except asyncio.CancelledError:
            log.append(f"{name} cancelled")

    first, second = (asyncio.create_task(take(name)) for name in "ab")
    await asyncio.sleep(0)
    queue.put_nowait(1)
    first.cancel()
    await asyncio.gather(first, second)
    await queue.put(2)
    try:
        queue.put_nowait(3)
    except asyncio.QueueFull as error:
        log.append(type(error).__name__)
    log.append(str(queue.get_nowait()))
    try:
        queue.get_nowait()
    except asyncio.QueueEmpty as error:
        log.append(type(error).__name__)
    queue.task_done()
    queue.task_done()
    await queue.join()
    try:
        queue.task_done()
    except ValueError as error:
        log.append(type(error).__name__)


@probe
async def other_queues(log):
    for queue in asyncio.PriorityQueue(), asyncio.LifoQueue():
        for item in 2, 3, 1:
            queue.put_nowait(item)
        while not queue.empty():
            log.append(str(queue.get_nowait()))


@probe
async def generators(log):
    def body():
        try:
            got = yield 1
            log.append(f"got {got}")
            yield 2
        except ValueError:
            log.append("caught")
            yield 3
        finally:
            log.append("finally")

    source = body()
    log.append(str(next(source)))
    log.append(str(source.send(5)))
    log.append(str(source.throw(ValueError())))
    source.close()
    try:
        next(source)
    except StopIteration as error:
        log.append(type(error).__name__)
    try:
        body().send(1)
    except TypeError as error:
        log.append(type(error).__name__)

    def leaks():
        yield next(iter(()))

    try:
        next(leaks())
    except RuntimeError as error:
        log.append(type(error).__name__)


@probe
async def yield_from(log):
    def child():
        try:
            yield 1
            yield 2
        except ValueError:
            log.append("caught")
        return "returned"

    def body():
        log.append((yield from child()))
        yield 3

    source = body()
    log.append(str(next(source)))
    log.append(str(source.throw(ValueError())))
    log.extend(str(value) for value in source)


@probe
async def async_generator_finalisation(log):
    async def numbers():
        try:
            for i in range(5):
                yield i
        finally:
            await asyncio.sleep(0)
            log.append("finalised")

    async def use():
        async for number in numbers():
            if number == 1:
                break
        log.append("after break")

    await use()
    log.append("main end")
    await ticks(1)


@probe
async def async_generator_protocol(log):
    async def body():
        try:
            got = yield 1
            log.append(f"got {got}")
            yield 2
        except ValueError:
            yield 3

    source = body()
    await outcome(body().asend(1), log, "early")
    await outcome(anext(source), log, "anext")
    await outcome(source.asend(5), log, "asend")
    await outcome(source.athrow(ValueError()), log, "athrow")
    await outcome(source.aclose(), log, "aclose")
    await outcome(source.aclose(), log, "aclose")
    await outcome(anext(source), log, "anext")


@probe
async def async_generator_misuse(log):
    async def slow():
        await ticks(2)
        yield 1

    source = slow()
    first = asyncio.ensure_future(outcome(anext(source), log, "first"))
    await asyncio.sleep(0)
    await outcome(anext(source), log, "second")
    await first
    await source.aclose()

    async def ignores():
        while True:
            try:
                yield 1
            except GeneratorExit:
                pass

    ignoring = ignores()
    await anext(ignoring)
    await outcome(ignoring.aclose(), log, "ignores")

    async def leaks():
        raise StopAsyncIteration
        yield

    await outcome(anext(leaks()), log, "leaks")


@probe
async def async_for(log):
    async def numbers():
        yield 1
        yield 2

    async for number in numbers():
        log.append(str(number))
    else:
        log.append("else")


@probe
async def async_with(log):
    class Scope:
        def __init__(self, name, suppress=False):
            self.name, self.suppress = name, suppress

        async def __aenter__(self):
            log.append(f"+{self.name}")

        async def __aexit__(self, kind, error, trace):
            log.append(f"-{self.name} {kind.__name__ if kind else None}")
            return self.suppress

    async def fails(scope):
        async with scope:
            raise ValueError

    await outcome(fails(Scope("a", True)), log, "a")
    await outcome(fails(Scope("b")), log, "b")

    async def stacked():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(Scope("c"))
            stack.callback(log.append, "callback")
            await stack.enter_async_context(Scope("d", True))
            raise ValueError

    await outcome(stacked(), log, "stack")


@probe
async def coroutines(log):
    async def body():
        return 1

    coroutine = body()
    await outcome(coroutine, log, "first")
    await outcome(coroutine, log, "second")

    async def leaks():
        raise StopIteration

    await outcome(leaks(), log, "leaks")

    me = asyncio.current_task()
    await outcome(asyncio.create_task(awaits_itself()), log, "itself")
    log.append(f"current {asyncio.current_task() is me}")


async def awaits_itself():
    await asyncio.current_task()


def observed():
    """{probe: its notes} under this Python."""
    notes = {}
    for name, function in probes.items():
        log = notes[name] = []
        asyncio.run(function(log))
    return notes


def compare(program):
    expected = observed()
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in output.splitlines():
        name, _, notes = line.partition(": ")
        found[name] = notes.split(", ")
    differing = 0
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            differing += 1
            print(f"{name}\n  asyncio: {expected.get(name)}\n  coral:   {found.get(name)}")
    print(f"{len(expected)} probes, {differing} differ")
    return 1 if differing or not expected else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compare"]:
        sys.exit(compare(sys.argv[2]))
    for probed, seen in observed().items():
        print(f"{probed}: {', '.join(seen)}")

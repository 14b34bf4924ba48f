//! [`Seldom`]: a future that waits long beside one that is polled often.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::lock;

/// Polls a future once it is woken, and not whenever its task is. The clock of a connection, and its wait for
/// the end of the server, would otherwise be polled several times in each request.
pub(crate) struct Seldom<F> {
    future: F,
    alarm: Arc<Alarm>,
    /// Rings the alarm.
    waker: Waker,
    /// Wakes the task that polled last.
    task: Waker,
}

/// Whether the future was woken, and whom that wakes.
struct Alarm {
    has_rung: AtomicBool,
    task: Mutex<Waker>,
}

impl<F: Future + Unpin> Seldom<F> {
    pub(crate) fn new(future: F) -> Self {
        let alarm = Arc::new(Alarm {
            has_rung: AtomicBool::new(true),
            task: Mutex::new(Waker::noop().clone()),
        });
        Seldom {
            future,
            waker: Waker::from(Arc::clone(&alarm)),
            alarm,
            task: Waker::noop().clone(),
        }
    }
}

impl<F: Future + Unpin> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let seldom = self.get_mut();
        if !seldom.task.will_wake(cx.waker()) {
            seldom.task.clone_from(cx.waker());
            lock(&seldom.alarm.task).clone_from(cx.waker());
        }
        if !seldom.alarm.has_rung.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        // Before the poll, in which it may ring again. A swap, since a store could overwrite a ring that came
        // after the look above without acquiring what was written before it, and the poll would miss that.
        seldom.alarm.has_rung.swap(false, Ordering::AcqRel);
        Pin::new(&mut seldom.future).poll(&mut Context::from_waker(&seldom.waker))
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        let task = lock(&self.task).clone();
        task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Wake, Waker};

    use super::Seldom;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_future_is_polled_once_it_was_woken_and_its_last_task_is_woken_with_it() {
        let (polls, inner) = (AtomicUsize::new(0), Mutex::new(None));
        let future = poll_fn(|cx| {
            *inner.lock().unwrap() = Some(cx.waker().clone());
            match polls.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        });
        let mut seldom = Seldom::new(future);
        let tasks = [Arc::new(Count::default()), Arc::new(Count::default())];
        let [first, second] = tasks.clone().map(Waker::from);
        let mut poll = |task| Pin::new(&mut seldom).poll(&mut Context::from_waker(task));
        let wake = || inner.lock().unwrap().clone().unwrap().wake();
        assert!(poll(&first).is_pending() && poll(&first).is_pending());
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        assert!(poll(&second).is_pending());
        wake();
        assert!(poll(&second).is_pending() && poll(&second).is_pending());
        assert_eq!(polls.load(Ordering::Relaxed), 2);
        wake();
        assert!(poll(&second).is_ready());
        let woken = tasks.map(|task| task.0.load(Ordering::Relaxed));
        assert_eq!(woken, [0, 2]);
    }
}

//! Macros as a company has them for its programs: what they make is made through `$crate`, wherever they are
//! used.

pub use nether as kernel;

/// A command, a query and an event about something with an ID, and the module that handles them.
#[macro_export]
macro_rules! entity {
    ($open:ident, $is_open:ident, $opened:ident, $module:ident, $($more:tt)*) => {
        /// Opens it.
        #[$crate::company::kernel::command(reply = u32, key = id, crate = $crate::company::kernel, $($more)*)]
        pub struct $open {
            /// Which one.
            pub id: u32,
        }

        /// Whether it is open.
        #[$crate::company::kernel::query(reply = bool, crate = $crate::company::kernel)]
        pub struct $is_open;

        /// It was opened.
        #[$crate::company::kernel::event(crate = $crate::company::kernel)]
        pub struct $opened {
            /// Which one.
            pub id: u32,
        }

        /// Whether it was opened.
        #[derive(Debug, Default)]
        pub struct $module(bool);

        #[$crate::company::kernel::module(
            handles = [$open, $is_open],
            emits = $opened,
            crate = $crate::company::kernel
        )]
        impl $module {
            async fn open(
                &mut self,
                open: $open,
                ctx: &$crate::company::kernel::Context<Self>,
            ) -> $crate::company::kernel::Result<u32> {
                self.0 = true;
                ctx.publish($opened { id: open.id }).await?;
                Ok(open.id)
            }

            async fn is_open(&self, _: $is_open) -> bool {
                self.0
            }
        }
    };
}

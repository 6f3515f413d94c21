//! An object that lives elsewhere, with methods as if it were here.

/// Makes a type whose methods call the functions of a server: a calculator reads like a
/// calculator.
///
/// Arguments go by position. A method returns what the function returned, or the
/// [`CallError`](crate::CallError) of [`Client::call`](crate::rpc::Client::call). `new` takes the
/// client, `client` lends it.
///
/// ```
/// redis_ipc::proxy! {
///     /// A calculator that lives elsewhere.
///     pub struct Calculator {
///         /// Adds to what it holds, and returns that.
///         fn add(number: f64) -> f64;
///         fn pair(a: i64, b: i64) -> [i64; 2];
///         fn val() -> f64;
///     }
/// }
///
/// fn sum(calc: &mut Calculator, numbers: &[f64]) -> Result<f64, redis_ipc::CallError> {
///     for number in numbers {
///         calc.add(*number)?;
///     }
///     calc.val()
/// }
/// ```
#[macro_export]
macro_rules! proxy {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $(
                $(#[$function_meta:meta])*
                fn $function:ident($($argument:ident: $type:ty),* $(,)?) -> $return:ty;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        $visibility struct $name {
            client: $crate::rpc::Client,
        }

        #[allow(dead_code, reason = "not every caller calls every method")]
        impl $name {
            /// Calls through this client.
            #[must_use]
            $visibility fn new(client: $crate::rpc::Client) -> Self {
                Self { client }
            }

            /// The client.
            $visibility fn client(&mut self) -> &mut $crate::rpc::Client {
                &mut self.client
            }

            $(
                $(#[$function_meta])*
                ///
                /// # Errors
                /// The exception of the function, or why there is no response.
                $visibility fn $function(
                    &mut self $(, $argument: $type)*
                ) -> ::core::result::Result<$return, $crate::CallError> {
                    self.client.call(stringify!($function), ($($argument,)*), ())
                }
            )*
        }
    };
}

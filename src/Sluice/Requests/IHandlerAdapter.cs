namespace Sluice.Requests;

/// <summary>A handler that only calls another: what is asked of a handler's class (<see cref="SharesStateAttribute"/>) is asked of that one.</summary>
internal interface IHandlerAdapter
{
    object Handler { get; }
}
